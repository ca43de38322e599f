"""`show stat`: lines of columns, in HAProxy's csv, typed or json form (management manual, sections 9.1 and 9.2)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from typing import TypeVar

from wproxy.observe import typed
from wproxy.observe.columns import COLUMNS, MODULES_AT, Line, Party, Value
from wproxy.observe.meanings import MEANINGS
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry
from wproxy.state.server import Server

P = TypeVar("P", bound=Party)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines to show: `show stat <iid> <type> <sid>`; -1 is any, type a mask of the three constants below.

    `up` leaves out servers that are not there, `no_maint` those in maintenance; `legends` are the columns that only
    clients of level operator see.
    """

    proxy_id: int = -1
    kinds: int = -1
    server_id: int = -1
    up: bool = False
    no_maint: bool = False
    legends: bool = True

    def shows(self, server: Server) -> bool:
        """Tell whether there is a line about `server`."""
        if self.server_id not in (-1, server.server_id):
            return False
        return server.running if self.up else not (self.no_maint and server.admin.maint)


FRONTENDS, BACKENDS, SERVERS = 1, 2, 4
_LEGENDS = frozenset({"addr", "algo", "cookie"})
_STATUS = next(number for number, column in enumerate(COLUMNS) if column.name == "status")
_KINDS = {"F": "Frontend", "B": "Backend", "S": "Server"}


@dataclass(frozen=True, slots=True)
class Shown:
    """One line: F, B or S, the numbers of the proxy and of the server, and the values in the order of the columns."""

    kind: str
    proxy_id: int
    server_id: int
    values: Sequence[Value]


def text(
    registry: Registry,
    now: float,
    wanted: Filter,
    *,
    form: str = "csv",
    described: bool = False,
    shows: Callable[[str], bool] = lambda proxy: True,
) -> str:
    """Return a line per frontend, server and backend, each proxy's together, as `csv`, `typed` or `json`.

    `described` adds what each value means, which only the typed form has room for; `shows` tells which proxies are
    wanted, by name.
    """
    registry.sessions.settle()
    lines = (line for line in rows(registry, now, wanted) if shows(str(line.values[0])))
    if form == "typed":
        return "".join(_typed(line, described=described) for line in lines)
    if form == "json":
        return f"[{','.join(_json(line) for line in lines)}]\n"
    return _csv(lines)


def _csv(lines: Iterator[Shown]) -> str:
    out = StringIO()
    out.write("# ")
    writer = csv.writer(out, lineterminator=",\n")
    writer.writerow(_with_mark([column.name for column in COLUMNS]))
    for line in lines:
        writer.writerow(_with_mark(["" if value is None else value for value in line.values]))
    return out.getvalue()


def _with_mark(cells: list[T]) -> list[T | str]:
    """Return the cells of a line with the mark that stands in front of those of HAProxy's modules."""
    return [*cells[:MODULES_AT], "-", *cells[MODULES_AT:]]


def _filled(line: Shown) -> Iterator[tuple[int, str, int | str]]:
    """Yield the number, the name and the value of what is not empty."""
    for number, (column, value) in enumerate(zip(COLUMNS, line.values, strict=True)):
        if value is not None:
            yield number, column.name, value


def _typed(line: Shown, *, described: bool) -> str:
    out = []
    for number, name, value in _filled(line):
        meaning = MEANINGS[name]
        shown = typed.line(number, name, meaning.tags_for(line.kind), meaning.type, value)
        about = f':"{meaning.description}"' if described else ""
        out.append(f"{line.kind}.{line.proxy_id}.{line.server_id}.{shown}{about}\n")
    return "".join(out)


def _json(line: Shown) -> str:
    about = f'"objType":"{_KINDS[line.kind]}","proxyId":{line.proxy_id},"id":{line.server_id},'
    items = []
    for number, name, value in _filled(line):
        meaning = MEANINGS[name]
        items.append(typed.json_item(number, name, meaning.tags_for(line.kind), meaning.type, value, about))
    return f"[{','.join(items)}]"


def rows(registry: Registry, now: float, wanted: Filter) -> Iterator[Shown]:
    """Yield the lines, with values in the order of `columns.COLUMNS`."""
    for proxy in _proxies(registry):
        if wanted.proxy_id not in (-1, proxy.proxy_id):
            continue
        if isinstance(proxy, Frontend):
            if wanted.kinds & FRONTENDS:
                getters = [column.frontend for column in COLUMNS]
                yield Shown("F", proxy.proxy_id, 0, _values(getters, Line(proxy, proxy, now)))
        else:
            yield from _backend_rows(proxy, now, wanted)


def _backend_rows(backend: Backend, now: float, wanted: Filter) -> Iterator[Shown]:
    number = backend.proxy_id
    if wanted.kinds & SERVERS:
        server_getters = [_unless_hidden(column.name, column.server, wanted) for column in COLUMNS]
        for server in backend.servers:
            if wanted.shows(server):
                yield Shown("S", number, server.server_id, _values(server_getters, Line(server, backend, now)))
    if wanted.kinds & BACKENDS:
        getters = [_unless_hidden(column.name, column.backend, wanted) for column in COLUMNS]
        values = _values(getters, Line(backend, backend, now))
        if wanted.up or wanted.no_maint:
            values[_STATUS] = f"{values[_STATUS]} ({backend.usable}/{len(backend.servers)})"
        yield Shown("B", number, 0, values)


def _unless_hidden(
    name: str, getter: Callable[[Line[P]], Value] | None, wanted: Filter
) -> Callable[[Line[P]], Value] | None:
    return getter if wanted.legends or name not in _LEGENDS else None


def _proxies(registry: Registry) -> list[Frontend | Backend]:
    """Return all proxies in the configuration's order, the frontend of a `listen` section in front of its backend."""
    proxies: list[Frontend | Backend] = [*registry.frontends.values(), *registry.backends.values()]
    return sorted(proxies, key=lambda proxy: (proxy.proxy_id, isinstance(proxy, Backend)))


def _values(getters: list[Callable[[Line[P]], Value] | None], line: Line[P]) -> list[Value]:
    return [None if getter is None else getter(line) for getter in getters]
