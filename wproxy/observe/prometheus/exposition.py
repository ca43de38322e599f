"""What a request for metrics is answered: those that its query asks for, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote_plus

from wproxy.errors import WproxyError
from wproxy.observe import statistics
from wproxy.observe.information import Process
from wproxy.observe.prometheus import process as of_process
from wproxy.observe.prometheus import redis, traffic
from wproxy.observe.prometheus.metric import Metric, Sample
from wproxy.observe.prometheus.traffic import Line
from wproxy.records import dataclass
from wproxy.state.registry import Registry

CONTENT_TYPE = "text/plain; version=0.0.4"


class QueryError(WproxyError):
    """A query asks for a scope that does not exist. Raised by `text`, answered by a 400 of whoever has called it."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    scopes: frozenset[str]
    no_maint: bool


def text(registry: Registry, process: Process, query: str) -> bytes:
    """Return the metrics that `query`, what stands behind `?`, asks for; raise QueryError.

    `scope=` may be global, frontend, listener, backend, server, sticktable or *, several times; without it there is
    everything. `no-maint` leaves out servers in maintenance. What else is in the query is ignored, as HAProxy 2.6 does.
    """
    wanted = _wanted(query)
    registry.sessions.settle()
    lines = list(_lines(registry, process.now, no_maint=wanted.no_maint))
    found = (
        metric
        for scope, make in _SCOPES.items()
        if scope in wanted.scopes
        for metric in make(registry, process, lines, wanted)
    )
    return "".join(line for metric in found for line in metric.lines()).encode()


def _wanted(query: str) -> _Wanted:
    scopes, no_maint = frozenset(_SCOPES), False
    asked = False
    for part in query.split("&"):
        key, _, value = unquote_plus(part).partition("=")
        if key == "no-maint":
            no_maint = True
        elif key == "scope":
            scopes = (scopes if asked and value else frozenset()) | _scopes(value)
            asked = True
    return _Wanted(scopes, no_maint)


def _scopes(value: str) -> frozenset[str]:
    if value == "*":
        return frozenset(_SCOPES)
    if value and value not in _SCOPES:
        raise QueryError(f"no metrics of the scope '{value}'; there are {', '.join(_SCOPES)}")
    return frozenset({value} - {""})


def _lines(registry: Registry, now: float, *, no_maint: bool) -> Iterator[Line]:
    """Yield a line for each frontend, backend and server; a backend counts its servers in maintenance in any case."""
    servers: list[Line] = []
    for shown in statistics.rows(registry, now, statistics.Filter()):
        proxy, name = str(shown.values[0]), str(shown.values[1])
        if shown.kind == "S":
            servers.append(Line(shown, (("proxy", proxy), ("server", name))))
            continue
        if shown.kind == "B":
            yield from (server for server in servers if not (no_maint and server.state == "MAINT"))
            yield Line(shown, (("proxy", proxy),), servers)
            servers = []
        else:
            yield Line(shown, (("proxy", proxy),))


_Make = Callable[[Registry, Process, list[Line], _Wanted], Iterator[Metric]]


def _of(lines: list[Line], kind: str) -> Iterator[Metric]:
    return traffic.metrics(kind, [line for line in lines if line.shown.kind == kind])


def _global(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    return of_process.metrics(registry, process)


def _frontends(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    yield from _of(lines, "F")
    yield from redis.of_frontends(list(registry.frontends.values()))


def _listeners(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    """Yield nothing: the addresses of a frontend are not counted apart."""
    return iter(())


def _backends(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    yield from _of(lines, "B")
    yield from redis.of_backends(list(registry.backends.values()))


def _servers(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    yield from _of(lines, "S")
    yield from redis.of_servers(list(registry.backends.values()), no_maint=wanted.no_maint)


def _tables(registry: Registry, process: Process, lines: list[Line], wanted: _Wanted) -> Iterator[Metric]:
    tables = [((("name", each.name), ("type", each.config.kind.value)), each) for each in registry.tables.values()]
    sizes = [Sample(labels, table.config.size) for labels, table in tables]
    used = [Sample(labels, table.used(process.now)) for labels, table in tables]
    yield Metric("haproxy_sticktable_size", "gauge", "Stick table size.", sizes)
    yield Metric("haproxy_sticktable_used", "gauge", "Number of entries used in this stick table.", used)


_SCOPES: dict[str, _Make] = {
    "global": _global,
    "frontend": _frontends,
    "listener": _listeners,
    "backend": _backends,
    "server": _servers,
    "sticktable": _tables,
}
