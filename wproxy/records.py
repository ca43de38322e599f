"""`dataclass` as the standard library has it, for classes that are made at each start and whose speed does not matter.

A type checker takes it for the standard library's, and sees to it that nobody changes a frozen record. At runtime only
`__init__` is written out as source and compiled; what compares, hashes and shows records is a function over their
fields, and a frozen one is not defended against who does not check types. Making two hundred data classes was two
fifths of what a start, a reload or a new worker takes (docs/performance.md).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["dataclass"]

_Class = TypeVar("_Class", bound=type)


def _quickly_made(*, frozen: bool = False, slots: bool = False) -> Callable[[_Class], _Class]:
    """Return what makes a data class of a class: it is compared by its fields and, when it is frozen, hashed."""

    def made(cls: _Class) -> _Class:
        record: Any = dataclasses.dataclass(slots=slots, eq=False, repr=False)(cls)
        fields = dataclasses.fields(record)
        values = attrgetter(*(field.name for field in fields if field.compare)) if fields else type
        record.__eq__ = _eq_by(values)
        record.__hash__ = _hash_by(values) if frozen else None
        record.__repr__ = _repr_of(tuple(field.name for field in fields if field.repr))
        return record  # type: ignore[no-any-return] # what came, made anew with slots

    return made


def _eq_by(values: Callable[[Any], object]) -> Callable[[Any, object], bool]:
    """Return `__eq__` of a class whose objects are equal when what `values` takes out of them is."""
    return lambda self, other: values(self) == values(other) if self.__class__ is other.__class__ else NotImplemented


def _hash_by(values: Callable[[Any], object]) -> Callable[[Any], int]:
    """Return `__hash__` of a class of which `values` takes what counts."""
    return lambda self: hash(values(self))


def _repr_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    """Return `__repr__` of a class of which so named fields are shown."""

    @recursive_repr()
    def shown(self: object) -> str:
        return f"{self.__class__.__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return shown


if not TYPE_CHECKING:
    dataclass = _quickly_made
