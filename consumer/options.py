"""The forms of the command line's values: HOST:PORT and durations, with what is wrong with a bad one."""

from __future__ import annotations

import re
from typing import NamedTuple

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
    """Return the address that `text` names; raise ValueError, which says the form, when it names none.

    A text with an `@` may hold a password and is not repeated.
    """
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65_536:
        shown = "it" if "@" in text else repr(text)
        raise ValueError(f"{shown} is no HOST:PORT (like 127.0.0.1:6379 or [::1]:6379)")
    return Address(match["bracketed"] or match["host"], int(match["port"]))


def duration_ms(text: str) -> int:
    """Return the milliseconds of a duration such as `5m`; raise ValueError, which says the form, when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is no duration: a whole number above 0 and a unit of ms, s, m, h or d (like 5m)")
    return int(match[1]) * _MS_PER_UNIT[match[2]]
