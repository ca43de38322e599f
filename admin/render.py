"""Puts data before the user: one JSON document, a table in a terminal, or plain aligned text in a pipe.

In a pipe nothing is truncated or decorated: every row is one line, columns are two spaces apart.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click
import orjson

_NUMERIC = "+-0123456789."


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of text; columns that hold only numbers are set flush right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def aligned_right(self, column: int) -> bool:
        """Tell whether every filled cell of `column` starts like a number."""
        cells = [row[column] for row in self.rows if row[column]]
        return bool(cells) and all(cell[0] in _NUMERIC for cell in cells)


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table of the printable text of every cell; None becomes an empty cell."""
    return Table(tuple(headings), tuple(tuple(_cell(value) for value in row) for row in rows))


def print_json(document: object) -> None:
    """Write `document` to standard output as one line of JSON."""
    click.echo(orjson.dumps(document).decode())


def print_table(content: Table) -> None:
    """Write `content` to standard output, as a table for eyes or as text for programs."""
    if sys.stdout.isatty():
        _print_rich(content)
    else:
        click.echo(aligned(content))


def aligned(content: Table) -> str:
    """Return `content` as lines of columns, each as wide as its widest cell."""
    lines = (content.headings, *content.rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(content.headings))]
    right = [content.aligned_right(column) for column in range(len(widths))]

    def pad(line: Sequence[str]) -> str:
        cells = zip(line, widths, right, strict=True)
        return "  ".join(cell.rjust(width) if flush else cell.ljust(width) for cell, width, flush in cells).rstrip()

    return "\n".join(pad(line) for line in lines)


def percent(share: float) -> str:
    """Return a share from 0 to 1 as text, `30.0 %`."""
    return f"{share * 100:.1f} %"


def duration(seconds: int | None) -> str:
    """Return seconds in the two largest units that fit, `3h12m`."""
    if seconds is None:
        return ""
    minutes, second = divmod(max(seconds, 0), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d{hour}h"
    if hours:
        return f"{hours}h{minute}m"
    return f"{minutes}m{second}s" if minutes else f"{second}s"


def _cell(value: object) -> str:
    return printable("" if value is None else str(value))


def printable(text: str) -> str:
    """Return `text` without escape sequences for the terminal: what a proxy says may hold whatever it was told."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _print_rich(content: Table) -> None:
    # Loaded here: importing rich takes longer than `wproxy weight set` does.
    from rich import box
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for column, heading in enumerate(content.headings):
        grid.add_column(heading, justify="right" if content.aligned_right(column) else "left", overflow="fold")
    for row in content.rows:
        grid.add_row(*(Text(cell) for cell in row))
    Console().print(grid)
