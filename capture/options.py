"""The forms of the command line's values, for capture and consumer: durations and HOST:PORT.

A bad value is a ValueError that says the form; `parsed` makes bad usage of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import click

T = TypeVar("T")

_MS_PER_UNIT = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)
_ADDRESS = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<host>[^:\[\]\s/@]+)):(?P<port>\d{1,5})", re.ASCII)


class Address(NamedTuple):
    """A host (name or literal, without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """Return the address that `text` names; raise ValueError when it names none.

    A text with an `@` may hold a password and is not repeated.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65_536:
        shown = "it" if "@" in text else repr(text)
        raise ValueError(f"{shown} is no HOST:PORT (like 127.0.0.1:9000 or [::1]:9000)")
    return Address(match["bracketed"] or match["host"], int(match["port"]))


def duration_ms(text: str) -> int:
    """Return the milliseconds of a duration such as `5m`; raise ValueError when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no duration: a whole number above 0 and a unit of ms, s, m, h or d (like 5m)")
    return int(match[1]) * _MS_PER_UNIT[match[2]]


def duration_s(text: str) -> float:
    """Return the seconds of a duration; see `duration_ms`."""
    return duration_ms(text) / 1000


def parsed(parse: Callable[[str], T]) -> Callable[[click.Context, click.Parameter, str | None], T | None]:
    """Return a click callback that reads a value with `parse` and shows its ValueError as bad usage."""

    def callback(context: click.Context, parameter: click.Parameter, value: str | None) -> T | None:
        try:
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from error

    return callback


def sensor_name(text: str) -> str:
    """Return `text` when it can name a sensor in a key `obs|<src>|<dst>|<ns>|<sensor>|<seq>`; else raise ValueError."""
    if not re.fullmatch(r"[^\s|]{1,64}", text) or not text.isprintable():
        raise ValueError(f"{text!r} is no sensor name: 1 to 64 printable characters, no space, no '|'")
    return text
