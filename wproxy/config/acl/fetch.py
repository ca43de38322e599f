"""What a row of the tables of fetches is (manual, sections 7.3.2 to 7.3.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from wproxy.config.acl.arguments import Argument
from wproxy.config.acl.facts import ALWAYS, Kind, Stage, Value
from wproxy.records import dataclass

Lister: TypeAlias = Callable[..., Iterable[Value]]
"""Takes facts, returns all there is of what a Fetcher returns one of."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """One row: name, type of what it returns, what makes the function, its arguments, when it can be asked.

    `make` takes the arguments, read as their types say, and returns the function that is called for a connection or a
    request; it returns None when there is nothing to be had, which matches nothing. Where there may be several values
    `each` makes the function that returns them all: conditions hold when one of them matches.
    """

    name: str
    kind: Kind
    make: Callable[..., Callable[..., Value | None]]
    arguments: tuple[Argument, ...] = ()
    stages: Stage = ALWAYS
    each: Callable[..., Lister] | None = None


def plain(name: str, kind: Kind, fetcher: Callable[..., Value | None], stages: Stage = ALWAYS) -> Fetch:
    """Return the row of a fetch without arguments."""
    return Fetch(name, kind, lambda: fetcher, stages=stages)
