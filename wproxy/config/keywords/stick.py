"""The keywords by which clients stay on their server: `stick-table`, `stick …` (configuration manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft, RuleLine, TableDraft
from wproxy.config.grammar import Report, Section, SetsTo, Statement, done
from wproxy.config.model import StickKind
from wproxy.config.nearest import did_you_mean
from wproxy.config.table_data import DATA, HAPROXY_ONLY, Datum, Stored
from wproxy.config.values import ArgumentError

_PROXIES = (Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_SERVERS = (Section.LISTEN, Section.BACKEND)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)


def _stick_table(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if proxy.table is not None:
        raise ArgumentError(f"is declared already, at line {proxy.table.location.line}: one table a section")
    table = TableDraft(statement.location)
    words = iter(statement.arguments)
    for word in words:
        argument = _ARGUMENTS.get(word)
        if argument is None:
            raise ArgumentError(f"knows no argument '{word}'{did_you_mean(word, _ARGUMENTS)}")
        argument(table, words)
    if table.kind is None:
        raise ArgumentError("misses its type: ip, ipv6, integer or string")
    if not table.size:
        raise ArgumentError("misses its size, above 0")
    proxy.table = table


def _next(words: Iterator[str], what: str) -> str:
    word = next(words, None)
    if word is None:
        raise ArgumentError(f"expects {what}")
    return word


def _type(table: TableDraft, words: Iterator[str]) -> None:
    name = _next(words, "a type: ip, ipv6, integer or string")
    try:
        table.kind = StickKind(name)
    except ValueError:
        known = ", ".join(f"'{kind.value}'" for kind in StickKind)
        raise ArgumentError(f"knows the types {known}, not '{name}'") from None


def _length(table: TableDraft, words: Iterator[str]) -> None:
    if table.kind is not StickKind.STRING:
        raise ArgumentError("takes 'len' after 'type string' only")
    table.length = values.positive(_next(words, "a number of characters after 'len'"))


def _size(table: TableDraft, words: Iterator[str]) -> None:
    table.size = values.size(_next(words, "a number of entries after 'size'"))


def _expire(table: TableDraft, words: Iterator[str]) -> None:
    table.expire_s = values.positive_seconds(_next(words, "a time after 'expire'"))


def _nopurge(table: TableDraft, words: Iterator[str]) -> None:
    table.nopurge = True


def _server_key(table: TableDraft, words: Iterator[str]) -> None:
    name = _next(words, "'name' after 'srvkey'")
    if name != "name":
        raise ArgumentError(f"knows servers by name only, not by '{name}'")


def _peers(table: TableDraft, words: Iterator[str]) -> None:
    raise ArgumentError("cannot use 'peers': wproxy does not replicate tables yet")


_STORED = re.compile(r"([a-z0-9_]+)(?:\(([^()]*)\))?")


def _store(table: TableDraft, words: Iterator[str]) -> None:
    """Read a list such as gpc0,http_req_rate(10s)."""
    text = _next(words, "a data type after 'store'")
    for word in text.split(","):
        found = _STORED.fullmatch(word)
        name = found[1] if found is not None else word
        if name in HAPROXY_ONLY:
            raise ArgumentError(f"cannot store '{word}': arrays are not supported by wproxy, write {name[:3]}0 instead")
        if found is None or name not in DATA:
            raise ArgumentError(f"knows no data type '{word}'{did_you_mean(name, DATA)}")
        table.stored.append(_stored(DATA[name], found[2]))


def _stored(datum: Datum, period: str | None) -> Stored:
    if not datum.is_rate:
        if period is not None:
            raise ArgumentError(f"takes no argument for '{datum.name}'")
        return Stored(datum)
    if not period:
        raise ArgumentError(f"expects a period for '{datum.name}', as in {datum.name}(10s)")
    return Stored(datum, round(values.positive_seconds(period) * 1_000))


_ARGUMENTS: dict[str, Callable[[TableDraft, Iterator[str]], None]] = {
    "type": _type,
    "len": _length,
    "size": _size,
    "expire": _expire,
    "nopurge": _nopurge,
    "srvkey": _server_key,
    "peers": _peers,
    "store": _store,
}


def _stick(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Keep the line until all tables are known."""
    if not statement.arguments:
        raise ArgumentError("expects a fetch such as src")
    fetch, *words = statement.arguments
    proxy.rules.append(RuleLine(statement.keyword, fetch, tuple(words), statement.location))


STICK = (
    done("stick-table", _PROXIES, _stick_table, "remembers clients: type, size, expire, nopurge, store", "4.2"),
    done("stick on", _SERVERS, _stick, "clients that have the same come to the same server", "4.2"),
    done("stick match", _SERVERS, _stick, "the half of `stick on` that looks up", "4.2"),
    done("stick store-request", _SERVERS, _stick, "the half of `stick on` that remembers", "4.2"),
    done("stick store-response", _SERVERS, _stick, "remembers by what the response says; in mode http", "4.2"),
    done(
        "option persist",
        _BACK,
        SetsTo("persist", True),
        "clients stay on their server even while it is down",
        "4.2",
        undo=SetsTo("persist", False),
    ),
)
