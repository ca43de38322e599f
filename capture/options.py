"""The forms of the command line's values: durations and HOST:PORT, with what is wrong with a bad one."""

from __future__ import annotations

import re
from typing import NamedTuple

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d)", re.ASCII)
_ADDRESS = re.compile(r"(?:\[(?P<bracketed>[^\[\]]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>\d{1,5})", re.ASCII)


class Address(NamedTuple):
    """A host (name or literal, without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str) -> Address:
    """Return the address that `text` names; raise ValueError, which says the form, when it names none."""
    match = _ADDRESS.fullmatch(text)
    if match is None or not 0 < int(match["port"]) < 65_536:
        raise ValueError(f"'{text}' is no HOST:PORT (like 127.0.0.1:9000 or [::1]:9000)")
    return Address(match["bracketed"] or match["host"], int(match["port"]))


def duration_s(text: str) -> float:
    """Return the seconds of a duration such as `5m`; raise ValueError, which says the form, when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"'{text}' is no duration: a whole number above 0 and a unit of ms, s, m, h or d (like 5m)")
    return int(match[1]) * _SECONDS[match[2]]


def sensor_name(text: str) -> str:
    """Return `text` when it can name a sensor in a key `obs|<src>|<dst>|<ns>|<sensor>|<seq>`; else raise ValueError."""
    if not re.fullmatch(r"[^\s|]{1,64}", text) or not text.isprintable():
        raise ValueError(f"{text!r} is no sensor name: 1 to 64 printable characters, no space, no '|'")
    return text
