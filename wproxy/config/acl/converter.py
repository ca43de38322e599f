"""What a row of the tables of converters is (manual, section 7.3.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from wproxy.config.acl.arguments import Argument
from wproxy.config.acl.facts import HttpFacts, Kind, Value
from wproxy.records import dataclass

Convert: TypeAlias = Callable[..., Value | None]


@dataclass(frozen=True, slots=True)
class Converter:
    """One row: name, types of what it takes and gives, what makes the function, its arguments.

    `make` takes the arguments, read as their types say, and returns the function that is called with a sample of type
    `takes`; it returns None when there is no result. With `of_request`, or `of_connection`, the function is called with
    the facts as well: those of a request, or of any connection.
    """

    name: str
    takes: Kind
    gives: Kind
    make: Callable[..., Convert]
    arguments: tuple[Argument, ...] = ()
    of_request: bool = False
    of_connection: bool = False


def simple(name: str, takes: Kind, gives: Kind, convert: Callable[[Any], Value | None]) -> Converter:
    """Return the row of a converter without arguments."""
    return Converter(name, takes, gives, lambda: convert)


def looked_up(facts: HttpFacts, name: str) -> Value | None:
    """Return the value of a variable."""
    return facts.variables.get(name)
