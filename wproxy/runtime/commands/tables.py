"""Commands about stick tables."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from wproxy.config.model import Level
from wproxy.config.table_data import DATA, HAPROXY_ONLY, SERVER_ID, SERVER_KEY, Stored
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.stick import Entry, Key, LiveTable

_SHOW_ARGUMENTS = 'Optional argument only supports "data.<store_data_type>" <operator> <value> and key <key>\n'
_CLEAR_ARGUMENTS = 'Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key>\n'

_DATA = "data."
_MOST_FILTERS = 4
_WHOLE = re.compile("[+-]?[0-9]{1,18}")
_OPERATORS: Mapping[str, Callable[[int, int], bool]] = {
    "eq": operators.eq, "ne": operators.ne, "le": operators.le, "ge": operators.ge, "lt": operators.lt,
    "gt": operators.gt,
}  # fmt: skip


def show_table(context: Context, arguments: Sequence[str]) -> str:
    tables, now = context.registry.tables, context.control.clock()
    if not arguments:
        return "".join(_head(table, now) for table in reversed(tables.values()))
    table = _table(context, arguments[0])
    if len(arguments) == 1:
        return _head(table, now) + "".join(_lines(table, now))
    if arguments[1].startswith(_DATA):
        passes = _filter(table, arguments[1:], now)
        kept = ((key, entry) for key, entry in sorted(table.entries(now)) if passes(entry))
        return _head(table, now) + "".join(_line(table, key, entry, now) for key, entry in kept)
    key = _key(table, arguments, _SHOW_ARGUMENTS)
    entry = None if key is None else table.look_at(key, now)
    return "" if entry is None else _head(table, now) + _line(table, arguments[2], entry, now)


def clear_table(context: Context, arguments: Sequence[str]) -> str:
    if not arguments:
        raise CommandError(_CLEAR_ARGUMENTS)
    table = _table(context, arguments[0])
    now = context.control.clock()
    if len(arguments) == 1:
        table.clear()
    elif arguments[1].startswith(_DATA):
        passes = _filter(table, arguments[1:], now)
        for text, entry in list(table.entries(now)):
            key = table.key_of(text) if passes(entry) else None
            if key is not None:
                table.forget(key)
    else:
        key = _key(table, arguments, _CLEAR_ARGUMENTS)
        if key is not None and not table.forget(key):
            raise CommandError("Entry currently in use, cannot remove\n")
    return ""


def _filter(table: LiveTable, words: Sequence[str], now: float) -> Callable[[Entry], bool]:
    """Return the test that `data.<type> <operator> <value>`, up to four times, means."""
    tests = []
    for number, start in enumerate(range(0, min(len(words), 3 * _MOST_FILTERS), 3), 1):
        name, operator, value = (word(words, start + at) for at in range(3))
        kind = name.removeprefix(_DATA)
        if kind == name or (kind not in DATA and kind not in HAPROXY_ONLY):
            raise CommandError(f"Filter entry #{number}: Unknown data type\n")
        if not table.stores(kind):
            raise CommandError(f"Filter entry #{number}: Data type not stored in this table\n")
        if operator not in _OPERATORS:
            names = ", ".join(f'"{each}"' for each in _OPERATORS)
            raise CommandError(f"Filter entry #{number}: Require and operator among {names}\n")
        if not _WHOLE.fullmatch(value):
            raise CommandError(f"Filter entry #{number}: Require a valid integer value to compare against\n")
        tests.append((kind, _OPERATORS[operator], int(value)))
    return lambda entry: all(holds(_number(table, entry, kind, now), value) for kind, holds, value in tests)


def _number(table: LiveTable, entry: Entry, kind: str, now: float) -> int:
    return entry.server_id if kind == SERVER_ID else table.datum(entry, kind, now) or 0


def _table(context: Context, name: str) -> LiveTable:
    table = context.registry.tables.get(name)
    if table is None:
        raise CommandError("No such table\n")
    return table


def _key(table: LiveTable, arguments: Sequence[str], otherwise: str) -> Key | None:
    """Return the key of `<table> key <key>`; None when it is none of the table's type."""
    if arguments[1] != "key":
        raise CommandError(otherwise)
    text = word(arguments, 2)
    if not text:
        raise CommandError("Key value expected\n")
    return table.key_of(text)


def _head(table: LiveTable, now: float) -> str:
    config = table.config
    return f"# table: {table.name}, type: {config.kind.value}, size:{config.size}, used:{table.used(now)}\n"


def _lines(table: LiveTable, now: float) -> Iterator[str]:
    for key, entry in sorted(table.entries(now)):
        yield _line(table, key, entry, now)


def _line(table: LiveTable, key: str, entry: Entry, now: float) -> str:
    """Return an entry as HAProxy shows it; its address in memory is the one thing that is not to be had."""
    left_ms = 0 if entry.expires_at == float("inf") else int((entry.expires_at - now) * 1000)
    data = "".join(_datum(table, entry, stored, now) for stored in table.config.stored)
    return f"{id(entry):#x}: key={key} use={entry.trackers} exp={left_ms}{data}\n"


def _datum(table: LiveTable, entry: Entry, stored: Stored, now: float) -> str:
    if stored.datum.name == SERVER_ID:
        return f" {SERVER_ID}={entry.server_id}"
    if stored.datum.name == SERVER_KEY:
        return f" {SERVER_KEY}={entry.server_name}" if entry.server_name else ""
    return f" {stored.text}={table.datum(entry, stored.datum.name, now)}"


COMMANDS = (
    Command(
        ("show", "table"), "show table <table> [<filter>]*",
        "report table usage stats or dump this table's contents (filter: key)", Level.USER, show_table,
    ),
    Command(
        ("clear", "table"), "clear table <table> [<filter>]*",
        "remove an entry from a table (filter: key)", Level.ADMIN, clear_table,
    ),
)  # fmt: skip
