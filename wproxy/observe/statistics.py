"""`show stat`: lines of columns, as HAProxy's csv (management manual, section 9.1)."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import TypeVar

from wproxy.observe.columns import COLUMNS, Line, Party, Value
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry

P = TypeVar("P", bound=Party)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines to show: `show stat <iid> <type> <sid>`; -1 is any, type a mask of the three constants below."""

    proxy_id: int = -1
    kinds: int = -1
    server_id: int = -1


FRONTENDS, BACKENDS, SERVERS = 1, 2, 4


def csv_text(registry: Registry, now: float, wanted: Filter) -> str:
    """Return the header and a line per frontend, server and backend, each proxy's together."""
    registry.sessions.settle()
    out = StringIO()
    out.write("# ")
    writer = csv.writer(out, lineterminator=",\n")
    writer.writerow([column.name for column in COLUMNS])
    for values in rows(registry, now, wanted):
        writer.writerow(["" if value is None else value for value in values])
    return out.getvalue()


def rows(registry: Registry, now: float, wanted: Filter) -> Iterator[list[Value]]:
    """Yield the lines' values, in the order of `columns.COLUMNS`."""
    for proxy in _proxies(registry):
        if wanted.proxy_id not in (-1, proxy.proxy_id):
            continue
        if isinstance(proxy, Frontend):
            if wanted.kinds & FRONTENDS:
                yield _values([column.frontend for column in COLUMNS], Line(proxy, proxy, now))
            continue
        if wanted.kinds & SERVERS:
            for server in proxy.servers:
                if wanted.server_id in (-1, server.server_id):
                    yield _values([column.server for column in COLUMNS], Line(server, proxy, now))
        if wanted.kinds & BACKENDS:
            yield _values([column.backend for column in COLUMNS], Line(proxy, proxy, now))


def _proxies(registry: Registry) -> list[Frontend | Backend]:
    """Return all proxies in the configuration's order, the frontend of a `listen` section in front of its backend."""
    proxies: list[Frontend | Backend] = [*registry.frontends.values(), *registry.backends.values()]
    return sorted(proxies, key=lambda proxy: (proxy.proxy_id, isinstance(proxy, Backend)))


def _values(getters: list[Callable[[Line[P]], Value] | None], line: Line[P]) -> list[Value]:
    return [None if getter is None else getter(line) for getter in getters]
