"""A log format, compiled: `%name` is a variable, everything else stands for itself (manual, section 8.2.6)."""

from __future__ import annotations

import re
from collections.abc import Callable

from wproxy.observe.logs.variables import Record, variables

# What "option tcplog" stands for (manual, section 8.2.2).
TCPLOG = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq"

_VARIABLE = re.compile(r"%([A-Za-z]+|%)")


class Template:
    """Makes the text of a line from a record."""

    __slots__ = ("_pattern", "_values")

    def __init__(self, text: str) -> None:
        """Compile `text`; raise KeyError with the name of a variable that is not known."""
        known = {row.name: row.value for row in variables()}
        values: list[Callable[[Record], object]] = []
        pattern: list[str] = []
        for position, piece in enumerate(_VARIABLE.split(text)):
            if position % 2 and piece != "%":
                values.append(known[piece])
                pattern.append("%s")
            else:
                pattern.append(piece.replace("%", "%%"))
        self._values = tuple(values)
        self._pattern = "".join(pattern)

    def text(self, record: Record) -> str:
        """Return the text of the line about `record`."""
        return self._pattern % tuple([value(record) for value in self._values])
