"""Commands about stick tables."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from wproxy.config.model import Level
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
# What tables can hold (configuration manual, section 4.2, "stick-table").
_KINDS = frozenset(
    {
        "server_id", "server_key", "gpc", "gpc_rate", "gpc0", "gpc0_rate", "gpc1", "gpc1_rate", "gpt", "gpt0",
        "conn_cnt", "conn_cur", "conn_rate", "sess_cnt", "sess_rate", "http_req_cnt", "http_req_rate", "http_err_cnt",
        "http_err_rate", "http_fail_cnt", "http_fail_rate", "bytes_in_cnt", "bytes_in_rate", "bytes_out_cnt",
        "bytes_out_rate",
    }
)  # fmt: skip
_KEPT = frozenset({"server_id"})


def show_table(context: Context, arguments: Sequence[str]) -> str:
    tables, now = context.registry.tables, context.control.clock()
    if not arguments:
        return "".join(_head(table, now) for table in reversed(tables.values()))
    table = _table(context, arguments[0])
    if len(arguments) == 1:
        return _head(table, now) + "".join(_lines(table, now))
    if arguments[1].startswith(_DATA):
        passes = _filter(context, table, arguments[1:])
        kept = ((key, entry) for key, entry in sorted(table.entries(now)) if passes(entry))
        return _head(table, now) + "".join(_line(key, entry, now) for key, entry in kept)
    key = _key(table, arguments, _SHOW_ARGUMENTS)
    entry = None if key is None else table.look_at(key, now)
    return "" if entry is None else _head(table, now) + _line(arguments[2], entry, now)


def clear_table(context: Context, arguments: Sequence[str]) -> str:
    if not arguments:
        raise CommandError(_CLEAR_ARGUMENTS)
    table = _table(context, arguments[0])
    if len(arguments) == 1:
        table.clear()
    elif arguments[1].startswith(_DATA):
        passes = _filter(context, table, arguments[1:])
        for text, entry in list(table.entries(context.control.clock())):
            key = table.key_of(text) if passes(entry) else None
            if key is not None:
                table.forget(key)
    else:
        key = _key(table, arguments, _CLEAR_ARGUMENTS)
        if key is not None:
            table.forget(key)
    return ""


def _filter(context: Context, table: LiveTable, words: Sequence[str]) -> Callable[[Entry], bool]:
    """Return the test that `data.<type> <operator> <value>`, up to four times, means; of data only servers are kept."""
    tests = []
    for number, start in enumerate(range(0, min(len(words), 3 * _MOST_FILTERS), 3), 1):
        name, operator, value = (word(words, start + at) for at in range(3))
        kind = name.removeprefix(_DATA)
        if kind == name or kind not in _KINDS:
            raise CommandError(f"Filter entry #{number}: Unknown data type\n")
        if kind not in _KEPT or not _sticks(context, table):
            raise CommandError(f"Filter entry #{number}: Data type not stored in this table\n")
        if operator not in _OPERATORS:
            names = ", ".join(f'"{each}"' for each in _OPERATORS)
            raise CommandError(f"Filter entry #{number}: Require and operator among {names}\n")
        if not _WHOLE.fullmatch(value):
            raise CommandError(f"Filter entry #{number}: Require a valid integer value to compare against\n")
        tests.append((_OPERATORS[operator], int(value)))
    return lambda entry: all(holds(entry.server_id, value) for holds, value in tests)


def _sticks(context: Context, table: LiveTable) -> bool:
    """Tell whether servers are stored in `table` by anybody."""
    backends = context.registry.backends.values()
    return any(rule.table == table.name for backend in backends for rule in backend.config.stick_rules)


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
