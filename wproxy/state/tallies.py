"""What a worker has counted, as JSON has it, and what all of them have counted together, in the supervisor's registry.

A tally is the whole of a worker's numbers, not what has changed: one that is lost or comes twice makes nothing wrong.
Those who have ended go on to count as one more worker, the `retired` one, whose numbers no more change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeVar

from wproxy.protocols.bus import Json
from wproxy.state.backend import Backend
from wproxy.state.captures import Capture, Excerpt, Named, Side
from wproxy.state.commands import CommandCounters
from wproxy.state.counters import FrontendCounters, TrafficCounters
from wproxy.state.rate import Rate
from wproxy.state.registry import Registry
from wproxy.state.tls import TlsCounters

Tally = dict[str, Json]
C = TypeVar("C", FrontendCounters, TrafficCounters)
_TLS_RATES = ("rate", "client_sessions", "client_keys", "server_keys")


def tally(registry: Registry, dropped_logs: int = 0) -> Tally:
    """Return what `registry` has counted since the start."""
    sessions, admission, tls = registry.sessions, registry.admission, registry.tls
    sessions.settle()
    return {
        "frontends": {name: [each.current, _counted(each.counters)] for name, each in registry.frontends.items()},
        "backends": {name: _backend(each) for name, each in registry.backends.items()},
        "sessions": [len(sessions.live), sessions.total],
        "rate": admission.rate.parts(),
        "tls": [tls.current, tls.total, *(getattr(tls, name).parts() for name in _TLS_RATES)],
        "dropped": dropped_logs,
    }


def _backend(backend: Backend) -> Json:
    under_way = backend.under_way
    servers = {
        server.name: [
            server.current, len(server.queue), server.idle, server.served, server.last_session_at,
            under_way is not None and under_way(server), _counted(server.counters),
        ]
        for server in backend.servers
    }  # fmt: skip
    return [backend.current, len(backend.queue), backend.served, _counted(backend.counters), servers]


def _counted(counters: FrontendCounters | TrafficCounters) -> list[Json]:
    """Return the values in the order of the fields."""
    chosen = counters.balanced if isinstance(counters, TrafficCounters) else 0
    values: list[Json] = []
    for field in fields(counters):
        value = getattr(counters, field.name)
        if isinstance(value, Rate):
            values.append(value.parts())
        elif field.name == "times":
            values.append(value.parts(chosen))
        elif field.name == "commands":
            values.append({name: [each.calls, each.errors, each.latencies.parts()] for name, each in value.items()})
        else:
            values.append(value)
    return values


def retired(known: Tally | None, ended: Tally) -> Tally:
    """Return the tally of those who have ended, `known` before, now that there is one more."""
    ended = {**ended, "sessions": [0, ended["sessions"][1]], "tls": [0, *ended["tls"][1:]]}
    both = [ended] if known is None else [known, ended]
    return {
        "frontends": {
            name: [0, _counted(_together(FrontendCounters, [each["frontends"][name][1] for each in both]))]
            for name in ended["frontends"]
        },
        "backends": {
            name: _retired_backend([each["backends"].get(name) for each in both]) for name in ended["backends"]
        },
        "sessions": [0, sum(each["sessions"][1] for each in both)],
        "rate": Rate.together(each["rate"] for each in both).parts(),
        "tls": [
            0,
            sum(each["tls"][1] for each in both),
            *(Rate.together(each["tls"][at] for each in both).parts() for at in range(2, 2 + len(_TLS_RATES))),
        ],
        "dropped": sum(each["dropped"] for each in both),
    }


def without_maxima(known: Tally) -> Tally:
    """Return a tally whose highest numbers are forgotten."""
    backends = {
        name: [
            *values[:3],
            _cleared(TrafficCounters, values[3]),
            {name: [*each[:6], _cleared(TrafficCounters, each[6])] for name, each in values[4].items()},
        ]
        for name, values in known["backends"].items()
    }
    frontends = {name: [each[0], _cleared(FrontendCounters, each[1])] for name, each in known["frontends"].items()}
    return {**known, "frontends": frontends, "backends": backends, "rate": Rate().parts()}


def _cleared(kind: type[C], values: Sequence[Json]) -> list[Json]:
    made = _together(kind, [values])
    made.sessions_max = made.session_rate.maximum = 0
    if isinstance(made, TrafficCounters):
        made.queue_max = 0
        made.times.clear_maxima()
    return _counted(made)


def _retired_backend(known: Sequence[Json]) -> Json:
    parts = [part for part in known if part is not None]
    names = {name for part in parts for name in part[4]}
    servers = {}
    for name in names:
        of = [part[4][name] for part in parts if name in part[4]]
        last = max((each[4] for each in of if each[4] is not None), default=None)
        counters = _counted(_together(TrafficCounters, [each[6] for each in of]))
        servers[name] = [0, 0, 0, sum(each[3] for each in of), last, False, counters]
    counters = _counted(_together(TrafficCounters, [part[3] for part in parts]))
    return [0, 0, sum(part[2] for part in parts), counters, servers]


def merge(registry: Registry, tallies: Sequence[Tally]) -> None:
    """Have `registry` show what all of `tallies` have counted together.

    Of the highest numbers those of several moments are added: at most so many were there at a time.
    """
    for name, frontend in registry.frontends.items():
        known = [each["frontends"][name] for each in tallies if name in each["frontends"]]
        frontend.current = sum(part[0] for part in known)
        frontend.counters = _together(FrontendCounters, [part[1] for part in known], frontend.counters)
    for name, backend in registry.backends.items():
        _merge_backend(backend, [each["backends"][name] for each in tallies if name in each["backends"]])
    sessions = registry.sessions
    sessions.current_elsewhere = sum(each["sessions"][0] for each in tallies)
    sessions.total_elsewhere = sum(each["sessions"][1] for each in tallies)
    rate = registry.admission.rate
    registry.admission.rate = Rate.together((each["rate"] for each in tallies), rate.maximum)
    _merge_tls(registry.tls, [each["tls"] for each in tallies])


def _merge_tls(tls: TlsCounters, known: Sequence[Json]) -> None:
    tls.current = sum(part[0] for part in known)
    tls.total = sum(part[1] for part in known)
    for at, name in enumerate(_TLS_RATES, 2):
        setattr(tls, name, Rate.together((part[at] for part in known), getattr(tls, name).maximum))


def _merge_backend(backend: Backend, known: Sequence[Json]) -> None:
    backend.current = sum(part[0] for part in known)
    backend.elsewhere = sum(part[1] for part in known)
    backend.served = sum(part[2] for part in known)
    backend.counters = _together(TrafficCounters, [part[3] for part in known], backend.counters)
    for server in backend.servers:
        parts = [part[4][server.name] for part in known if server.name in part[4]]
        server.current = sum(part[0] for part in parts)
        server.elsewhere = sum(part[1] for part in parts)
        server.idle = sum(part[2] for part in parts)
        server.served = sum(part[3] for part in parts)
        server.last_session_at = max((part[4] for part in parts if part[4] is not None), default=None)
        server.counters = _together(TrafficCounters, [part[6] for part in parts], server.counters)


def _together(kind: type[C], known: Sequence[Sequence[Json]], before: C | None = None) -> C:
    """Return the sum of counters; `before` is what they were together when this was asked last."""
    made = kind()
    for at, field in enumerate(fields(kind)):
        values = [part[at] for part in known]
        value = getattr(made, field.name)
        if isinstance(value, Rate):
            maximum = 0 if before is None else getattr(before, field.name).maximum
            setattr(made, field.name, Rate.together(values, maximum))
        elif isinstance(value, int):
            setattr(made, field.name, sum(values))
        elif isinstance(value, list):
            setattr(made, field.name, [sum(column) for column in zip(*values, strict=True)] or value)
        elif isinstance(value, dict):
            for each in values:
                _add_commands(value, each)
    if isinstance(made, TrafficCounters):
        at = [field.name for field in fields(kind)].index("times")
        made.times = type(made.times).together((part[at] for part in known), made.balanced)
    return made


def _add_commands(commands: dict[str, CommandCounters], counted: Mapping[str, Json]) -> None:
    for name, (calls, errors, latencies) in counted.items():
        counters = commands.setdefault(name, CommandCounters())
        counters.calls += calls
        counters.errors += errors
        counters.latencies.take_in(latencies)


# -- errors of protocols -----------------------------------------------------------------------------------------


def of_capture(capture: Capture) -> list[Json]:
    """Return `capture` as JSON has it; bytes are Latin-1."""
    excerpt = capture.excerpt
    return [
        capture.side.value, capture.at, [*capture.frontend], [*capture.backend], [*capture.server], capture.source,
        [excerpt.data.decode("latin-1"), excerpt.position, excerpt.first], capture.facts,
    ]  # fmt: skip


def to_capture(known: Sequence[Json]) -> Capture:
    """Return the capture that `of_capture` made `known` of."""
    side, at, frontend, backend, server, source, (data, position, first), facts = known
    excerpt = Excerpt(data.encode("latin-1"), position, first)
    client = None if source is None else (source[0], source[1])
    return Capture(Side(side), at, Named(*frontend), Named(*backend), Named(*server), client, excerpt, tuple(facts))
