"""What can be asked about entries of stick tables: `sc_…` of what is tracked, `src_…` of the client's address.

See the manual, section 7.3.3. A fetch in a condition may count, too: `sc_inc_gpc0`, `src_clr_gpc0`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wproxy.config.acl import arguments
from wproxy.config.acl.converter import Convert, Converter
from wproxy.config.acl.facts import Facts, Kind, Value
from wproxy.config.acl.fetch import Fetch
from wproxy.config.acl.table_facts import TableFacts, TrackedFacts
from wproxy.config.acl.tracks import TRACKS

Ask = Callable[[TrackedFacts], int | None]


def _datum(name: str) -> Ask:
    return lambda entry: entry.datum(name)


def _kilobytes(name: str) -> Ask:
    def ask(entry: TrackedFacts) -> int | None:
        size = entry.datum(name)
        return None if size is None else size >> 10

    return ask


def _increment(name: str) -> Ask:
    """Return what counts one more and returns the sum, or the rate where only that is stored."""

    def ask(entry: TrackedFacts) -> int | None:
        entry.count(name)
        total = entry.datum(name)
        return (entry.datum(f"{name}_rate") or 0) if total is None else total

    return ask


def _clear(name: str) -> Ask:
    def ask(entry: TrackedFacts) -> int | None:
        before = entry.datum(name)
        entry.set(name, 0)
        return before

    return ask


_READS: dict[str, Ask] = {
    **{
        name: _datum(name)
        for name in (
            "bytes_in_rate", "bytes_out_rate", "conn_cnt", "conn_cur", "conn_rate", "gpc0_rate", "gpc1_rate",
            "http_err_cnt", "http_err_rate", "http_fail_cnt", "http_fail_rate", "http_req_cnt", "http_req_rate",
            "sess_cnt", "sess_rate",
        )
    },
    "get_gpc0": _datum("gpc0"),
    "get_gpc1": _datum("gpc1"),
    "get_gpt0": _datum("gpt0"),
    "kbytes_in": _kilobytes("bytes_in_cnt"),
    "kbytes_out": _kilobytes("bytes_out_cnt"),
}  # fmt: skip
_CHANGES: dict[str, Ask] = {
    "clr_gpc0": _clear("gpc0"),
    "clr_gpc1": _clear("gpc1"),
    "inc_gpc0": _increment("gpc0"),
    "inc_gpc1": _increment("gpc1"),
}
_TRACKED: dict[str, Ask] = {"trackers": lambda entry: entry.trackers}


def _of_tracked(ask: Ask) -> Callable[[int, str], Callable[[Facts], int | None]]:
    """Return what makes the fetch of an entry that is tracked, or of the one of its key in another table."""

    def make(number: int, table: str) -> Callable[[Facts], int | None]:
        def fetch(facts: Facts) -> int | None:
            entry = facts.tracked(number)
            if entry is None:
                return None
            if table and table != entry.table_name:
                entry = facts.process.tables[table].find(entry.key)
            return 0 if entry is None else ask(entry)

        return fetch

    return make


def _of_source(
    ask: Ask, look: Callable[[TableFacts, Value], TrackedFacts | None]
) -> Callable[[str], Callable[[Facts], int | None]]:
    """Return what makes the fetch of the entry of the client's address."""

    def make(table: str) -> Callable[[Facts], int | None]:
        def fetch(facts: Facts) -> int | None:
            if facts.source is None:
                return None
            looked_at = facts.process.tables[table]
            entry = look(looked_at, facts.source)
            if entry is not None:
                return ask(entry)
            return 0 if looked_at.takes(facts.source) else None

        return fetch

    return make


def _find(table: TableFacts, value: Value) -> TrackedFacts | None:
    return table.find(value)


def _reach(table: TableFacts, value: Value) -> TrackedFacts | None:
    return table.reach(value)


def _is_tracked(number: int, table: str) -> Callable[[Facts], bool]:
    return lambda facts: facts.tracked(number) is not None  # as in HAProxy, whatever the table


def _table_number(number: Callable[[TableFacts], int]) -> Callable[[str], Callable[[Facts], int]]:
    return lambda table: lambda facts: number(facts.process.tables[table])


def _rows() -> Iterator[Fetch]:
    numbered = (arguments.track, arguments.optional_table)
    for name, ask in {**_READS, **_CHANGES, **_TRACKED}.items():
        yield Fetch(f"sc_{name}", Kind.INTEGER, _of_tracked(ask), numbered)
    yield Fetch("sc_tracked", Kind.BOOLEAN, _is_tracked, numbered)
    for name, ask in _READS.items():
        yield Fetch(f"src_{name}", Kind.INTEGER, _of_source(ask, _find), (arguments.table,))
    for name, ask in _CHANGES.items():
        yield Fetch(f"src_{name}", Kind.INTEGER, _of_source(ask, _reach), (arguments.table,))
    yield Fetch("table_cnt", Kind.INTEGER, _table_number(lambda table: table.used), (arguments.table,))
    yield Fetch("table_avl", Kind.INTEGER, _table_number(lambda table: table.size - table.used), (arguments.table,))


COUNTER_FETCHES = tuple(_rows())


def _numbered(row: Fetch, number: int) -> Fetch:
    name = row.name.replace("sc_", f"sc{number}_", 1)
    return Fetch(name, row.kind, lambda table: row.make(number, table), (arguments.optional_table,))


# sc0_http_req_rate for sc_http_req_rate(0), and so on.
NUMBERED_FETCHES = tuple(
    _numbered(row, number) for row in COUNTER_FETCHES if row.name.startswith("sc_") for number in range(TRACKS)
)


def _looked_up(ask: Ask) -> Callable[[str], Convert]:
    def make(table: str) -> Convert:
        def convert(value: Value, facts: Facts) -> int | None:
            looked_at = facts.process.tables[table]
            entry = looked_at.find(value)
            if entry is not None:
                return ask(entry)
            return 0 if looked_at.takes(value) else None

        return convert

    return make


def _in_table(table: str) -> Convert:
    def convert(value: Value, facts: Facts) -> bool | None:
        looked_at = facts.process.tables[table]
        return looked_at.find(value) is not None if looked_at.takes(value) else None

    return convert


def _converters() -> Iterator[Converter]:
    of_table = (arguments.table,)
    yield Converter("in_table", Kind.ANY, Kind.BOOLEAN, _in_table, of_table, of_connection=True)
    for name, ask in {**_READS, **_TRACKED}.items():
        of_entry = f"table_{name.removeprefix('get_')}"
        yield Converter(of_entry, Kind.ANY, Kind.INTEGER, _looked_up(ask), of_table, of_connection=True)


TABLE_CONVERTERS = tuple(_converters())
