"""Commands about stick tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wproxy.config.model import Level
from wproxy.runtime.command import Command, CommandError, Context, word
from wproxy.state.stick import Entry, Key, LiveTable

_SHOW_ARGUMENTS = 'Optional argument only supports "data.<store_data_type>" <operator> <value> and key <key>\n'
_CLEAR_ARGUMENTS = 'Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key>\n'


def show_table(context: Context, arguments: Sequence[str]) -> str:
    tables, now = context.registry.tables, context.control.clock()
    if not arguments:
        return "".join(_head(table, now) for table in reversed(tables.values()))
    table = _table(context, arguments[0])
    if len(arguments) == 1:
        return _head(table, now) + "".join(_lines(table, now))
    key = _key(table, arguments, _SHOW_ARGUMENTS)
    entry = None if key is None else table.look_at(key, now)
    return "" if entry is None else _head(table, now) + _line(arguments[2], entry, now)


def clear_table(context: Context, arguments: Sequence[str]) -> str:
    if not arguments:
        raise CommandError(_CLEAR_ARGUMENTS)
    table = _table(context, arguments[0])
    if len(arguments) == 1:
        table.clear()
    else:
        key = _key(table, arguments, _CLEAR_ARGUMENTS)
        if key is not None:
            table.forget(key)
    return ""


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
        yield _line(key, entry, now)


def _line(key: str, entry: Entry, now: float) -> str:
    """Return an entry as HAProxy shows it; its address in memory is the one thing that is not to be had."""
    left_ms = 0 if entry.expires_at == float("inf") else int((entry.expires_at - now) * 1000)
    server = f"server_id={entry.server_id} server_key={entry.server_name}"
    return f"{id(entry):#x}: key={key} use=0 exp={left_ms} {server}\n"


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
