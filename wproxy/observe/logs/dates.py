"""Dates in log lines, in local time; all that a second has in common is formatted once in that second."""

from __future__ import annotations

import time
from collections.abc import Callable

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Seconds:
    """Remembers what `layout` made of the last second it was asked for."""

    __slots__ = ("_layout", "_second", "_text")

    def __init__(self, layout: Callable[[time.struct_time], str]) -> None:
        self._layout = layout
        self._second = -1
        self._text = ""

    def text(self, second: int) -> str:
        """Return the layout's text for `second` since 1970."""
        if second != self._second:
            self._second = second
            self._text = self._layout(time.localtime(second))
        return self._text


def rfc3164(at: time.struct_time) -> str:
    """Return `Nov  1 13:05:03`."""
    return f"{_MONTHS[at.tm_mon - 1]} {at.tm_mday:2d} {at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"


def accept_date(at: time.struct_time) -> str:
    """Return `06/Feb/2009:12:12:51`."""
    clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    return f"{at.tm_mday:02d}/{_MONTHS[at.tm_mon - 1]}/{at.tm_year}:{clock}"


def iso(at: time.struct_time) -> str:
    """Return `2026-11-21T13:05:03{}+00:00`, with a gap for the fraction."""
    minutes = abs(at.tm_gmtoff) // 60
    sign = "-" if at.tm_gmtoff < 0 else "+"
    day = f"{at.tm_year}-{at.tm_mon:02d}-{at.tm_mday:02d}"
    clock = f"{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}"
    return f"{day}T{clock}{{}}{sign}{minutes // 60:02d}:{minutes % 60:02d}"
