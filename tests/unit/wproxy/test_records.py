from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest

from wproxy import records

Make = Callable[..., Callable[[type], type]]
BOTH = pytest.mark.parametrize("make", [dataclasses.dataclass, records.dataclass], ids=["standard", "ours"])


def point(make: Make) -> Any:
    class Point:
        """A place."""

        x: int
        y: int = 2
        secret: str = field(default="s", repr=False)
        note: list[int] = field(default_factory=list, compare=False, hash=False)

        @property
        def sum(self) -> int:
            return self.x + self.y

    return make(frozen=True, slots=True)(Point)


@BOTH
def test_records_are_made_compared_hashed_and_shown(make: Make) -> None:
    made = point(make)
    assert (made(1).x, made(1).y, made(1).note, made(1).sum) == (1, 2, [], 3)
    assert made(1) == made(1, 2, note=[7])
    assert made(1) != made(2)
    assert made(1) != made(1, secret="t")
    assert made(1) != point(make)(1), "another class is another thing"
    assert made(1) != (1, 2, "s")
    assert hash(made(1)) == hash(made(1, note=[7]))
    assert len({made(1), made(1), made(3)}) == 2
    assert repr(made(1)).endswith("Point(x=1, y=2, note=[])")
    assert replace(made(1), y=5) == made(1, 5)
    assert made.__slots__ == ("x", "y", "secret", "note")
    assert made.__doc__ == "A place."
    match made(1):
        case made(x, y):
            assert (x, y) == (1, 2)
    with pytest.raises(TypeError):
        made()


@BOTH
def test_what_can_change_has_no_hash(make: Make) -> None:
    class Draft:
        lines: list[object]

    made: Any = make(slots=True)(Draft)
    draft = made([])
    with pytest.raises(TypeError, match="unhashable"):
        hash(draft)
    assert draft == made([])
    draft.lines = [1]
    assert draft != made([])
    draft.lines = [draft]
    assert repr(draft).endswith("Draft(lines=[...])")


@BOTH
def test_a_record_without_fields_and_one_of_another_kind(make: Make) -> None:
    class Nothing:
        pass

    nothing: Any = make(frozen=True, slots=True)(Nothing)
    assert nothing() == nothing()
    assert hash(nothing()) == hash(nothing())

    class More(nothing):  # type: ignore[misc] # made above
        name: str

    more: Any = make(frozen=True, slots=True)(More)
    assert more("a") == more("a")
    assert more("a") != nothing()
    assert nothing() != more("a")
    assert repr(more("a")).endswith("More(name='a')")


def test_only_a_type_checker_keeps_frozen_ones_from_change() -> None:
    with pytest.raises(FrozenInstanceError):
        point(dataclasses.dataclass)(1).x = 3
    changed = point(records.dataclass)(1)
    changed.x = 3
    assert changed.x == 3
