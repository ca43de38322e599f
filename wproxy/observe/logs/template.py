"""A log format, compiled: `%name` is a variable, everything else stands for itself (manual, section 8.2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any, Protocol

from wproxy.config.acl.facts import Facts
from wproxy.config.acl.samples import text_of
from wproxy.config.formats import Flags, Piece, Text
from wproxy.config.formats import Variable as Name

_PLAIN = Flags()
_ESCAPED = {ord(char): f"\\{char}" for char in '"\\]'}


class Row(Protocol):
    """One variable; `variables.Variable` is one."""

    @property
    def name(self) -> str:
        """What stands behind the percent sign."""

    @property
    def value(self) -> Callable[[Any], object]:
        """Returns the value for a record: a number, a text, None for what is not there."""

    @property
    def bare(self) -> bool:
        """Whether it is never quoted."""

    @property
    def hexadecimal(self) -> bool:
        """Whether it can be written in hexadecimal."""


class Template:
    """Makes the text of a line from a record."""

    __slots__ = ("_parts",)

    def __init__(self, pieces: Iterable[Piece], rows: Iterable[Row]) -> None:
        """Compile; raise KeyError with the name of a variable that is not among `rows`."""
        known = {row.name: row for row in rows}
        self._parts = tuple((_part(piece, known), isinstance(piece, Text), _is_query(piece)) for piece in pieces)

    def text(self, record: object) -> str:
        """Return the text of the line about `record`; as in HAProxy a space is not written behind a space."""
        written = []
        spaced = True
        for part, fixed, counts in self._parts:
            text = part(record)
            if fixed and spaced:
                text = text.lstrip(" ")
            if text or counts:
                written.append(text)
                spaced = fixed and text.endswith(" ")
        return "".join(written)


def _is_query(piece: Piece) -> bool:
    """Tell whether a variable stands between two spaces even where it is nothing: that is the query's only."""
    return isinstance(piece, Name) and piece.name == "HQ"


def _part(piece: Piece, known: dict[str, Row]) -> Callable[[Any], str]:
    if isinstance(piece, Text):
        fixed = _unicode(piece.text)
        return lambda record: fixed
    flags = piece.flags
    if isinstance(piece, Name):
        row = known[piece.name]
        value = row.value
        if flags == _PLAIN or row.bare:
            return lambda record: _written(value(record), _PLAIN)
        if flags.hexadecimal and row.hexadecimal:
            return lambda record: _hexadecimal(value(record))
        return lambda record: _written(value(record), flags)
    fetch = piece.sample.fetch

    def expression(record: Any) -> str:  # noqa: ANN401 - one of the exchanges' records
        facts: Facts | None = record.facts
        found = None if facts is None else fetch(facts)
        text = "" if found is None else _unicode(text_of(found))
        return _written(text or None, flags)  # as in HAProxy an empty text is none

    return expression


def _unicode(text: str) -> str:
    """Return a text of one character per byte as the log's encoding wants it."""
    return text if text.isascii() else text.encode("latin-1").decode("utf-8", "surrogateescape")


def _written(value: object, flags: Flags) -> str:
    """Return `value` in quotes or escaped, as the flags say; what is not there is a dash, or nothing in quotes."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return " ".join([_written(each, flags) for each in value])
    if value is None:
        return '""' if flags.quoted else "-"
    text = str(value)
    if flags.escaped:
        text = text.translate(_ESCAPED)
    return f'"{text}"' if flags.quoted else text


def _hexadecimal(value: object) -> str:
    """Return a number or an address in hexadecimal, anything else as it is."""
    if isinstance(value, int):
        return f"{value:04X}"
    try:
        return ip_address(str(value)).packed.hex().upper()
    except ValueError:
        return str(value)
