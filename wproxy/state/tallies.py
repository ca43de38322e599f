"""What a worker has counted, as JSON has it, and what all of them have counted together, in the supervisor's registry.

A tally is the whole of a worker's numbers, not what has changed: one that is lost or comes twice makes nothing wrong.
Those who have ended go on to count as one more worker, the `retired` one, whose numbers no more change. What processes
before this one have counted is the `legacy`: it adds up, too, but its highest numbers were of another time.
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
_MAXIMA = frozenset({"sessions_max", "queue_max"})
SHAPE = [[field.name for field in fields(kind)] for kind in (FrontendCounters, TrafficCounters)]
"""What the lists of counters in a tally are about: another program's may be others."""


def tally(registry: Registry, dropped_logs: int = 0) -> Tally:
    """Return what `registry` has counted since the start."""
    sessions, admission, tls = registry.sessions, registry.admission, registry.tls
    sessions.settle()
    return {
        "frontends": {name: [each.current, _counted(each.counters)] for name, each in registry.frontends.items()},
        "backends": {name: _backend(each) for name, each in registry.backends.items()},
        "sessions": [len(sessions.live), sessions.ever],
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
            name: [0, _counted(_together(FrontendCounters, _of_frontend(both, name)))]
            for name in _names("frontends", both)
        },
        "backends": {
            name: _retired_backend([each["backends"].get(name) for each in both]) for name in _names("backends", both)
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


def _names(kind: str, known: Sequence[Tally]) -> list[str]:
    return list(dict.fromkeys(name for each in known for name in each[kind]))


def _of_frontend(known: Sequence[Tally], name: str) -> list[Json]:
    return [each["frontends"][name][1] for each in known if name in each["frontends"]]


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


def merge(registry: Registry, tallies: Sequence[Tally], legacy: Tally | None = None) -> None:
    """Have `registry` show what all of `tallies` have counted together, and those before them (`legacy`).

    Of the highest numbers those of several moments are added: at most so many were there at a time.
    """
    for name, frontend in registry.frontends.items():
        known = [each["frontends"][name] for each in tallies if name in each["frontends"]]
        frontend.current = sum(part[0] for part in known)
        frontend.counters = _together(FrontendCounters, [part[1] for part in known], frontend.counters)
    for name, backend in registry.backends.items():
        _merge_backend(backend, [each["backends"][name] for each in tallies if name in each["backends"]])
    _merge_process(registry, tallies)
    if legacy is not None:
        add(registry, legacy)


def _merge_process(registry: Registry, tallies: Sequence[Tally]) -> None:
    sessions = registry.sessions
    sessions.current_elsewhere = sum(each["sessions"][0] for each in tallies)
    sessions.total_elsewhere = sum(each["sessions"][1] for each in tallies)
    rate = registry.admission.rate
    registry.admission.rate = Rate.together((each["rate"] for each in tallies), rate.maximum)
    _merge_tls(registry.tls, [each["tls"] for each in tallies])
    registry.dropped_logs = sum(each["dropped"] for each in tallies)


def add(registry: Registry, legacy: Tally) -> None:
    """Have `registry` count on from what processes before this one have counted, or what they have counted since."""
    for name, frontend in registry.frontends.items():
        if name in legacy["frontends"]:
            frontend.counters = _after(frontend.counters, legacy["frontends"][name][1])
    for name, backend in registry.backends.items():
        if name in legacy["backends"]:
            _add_backend(backend, legacy["backends"][name])
    registry.sessions.total_elsewhere += legacy["sessions"][1]
    registry.admission.rate = Rate.together([registry.admission.rate.parts(), legacy["rate"]])
    registry.tls.total += legacy["tls"][1]
    registry.dropped_logs += legacy["dropped"]


def _add_backend(backend: Backend, known: Json) -> None:
    backend.served += known[2]
    backend.counters = _after(backend.counters, known[3])
    for server in backend.servers:
        if server.name in known[4]:
            _, _, _, served, last, _, counted = known[4][server.name]
            server.served += served
            server.last_session_at = max((at for at in (server.last_session_at, last) if at is not None), default=None)
            server.counters = _after(server.counters, counted)


def _after(counters: C, before: Sequence[Json]) -> C:
    """Return what `counters` are, counted on from those `before`: the highest number is the higher one of both."""
    own = _counted(counters)
    made = _together(type(counters), [own, before], counters)
    for at, field in enumerate(fields(counters)):
        if field.name in _MAXIMA:
            setattr(made, field.name, max(own[at], before[at]))
    return made


def sum_of(known: Tally | None, later: Tally) -> Tally:
    """Return what has been counted before and later: of the highest numbers the higher ones."""
    if known is None:
        return later
    made = retired(known, later)
    for name, frontend in made["frontends"].items():
        _keep_maxima(FrontendCounters, frontend[1], _of_frontend((known, later), name))
    for name, backend in made["backends"].items():
        of = [each["backends"][name] for each in (known, later) if name in each["backends"]]
        _keep_maxima(TrafficCounters, backend[3], [part[3] for part in of])
        for server, values in backend[4].items():
            _keep_maxima(TrafficCounters, values[6], [part[4][server][6] for part in of if server in part[4]])
    return made


def _keep_maxima(kind: type[C], values: list[Json], parts: Sequence[Sequence[Json]]) -> None:
    for at, field in enumerate(fields(kind)):
        if field.name in _MAXIMA:
            values[at] = max(part[at] for part in parts)


def difference(later: Tally, told: Tally) -> Tally:
    """Return what of `later` has been counted since `told`; what has been cleared since begins at 0."""
    frontends = {
        name: [0, _since(FrontendCounters, each[1], told["frontends"].get(name, [0, None])[1])]
        for name, each in later["frontends"].items()
    }
    backends = {name: _backend_since(each, told["backends"].get(name)) for name, each in later["backends"].items()}
    ever, tls = (_more(later[kind][1], told[kind][1]) for kind in ("sessions", "tls"))
    rates = [_highest(parts) for parts in later["tls"][2:]]
    return {
        "frontends": frontends, "backends": backends, "sessions": [0, ever], "rate": _highest(later["rate"]),
        "tls": [0, tls, *rates], "dropped": _more(later["dropped"], told["dropped"]),
    }  # fmt: skip


def _more(later: int, told: int) -> int:
    return later - told if later >= told else later


def _highest(rate: Sequence[int]) -> list[int]:
    """Return a rate's highest value without those of this second, which were told."""
    return [0, 0, 0, rate[3]]


def _backend_since(later: Json, told: Json | None) -> Json:
    _, _, served, counted, servers = later
    told_served, told_counted, told_servers = told[2:] if told is not None else (0, None, {})
    since = {}
    for name, (_, _, _, each_served, last, _, values) in servers.items():
        before = told_servers.get(name)
        each_told, values_told = (before[3], before[6]) if before is not None else (0, None)
        since[name] = [
            0, 0, 0, _more(each_served, each_told), last, False, _since(TrafficCounters, values, values_told)
        ]  # fmt: skip
    return [0, 0, _more(served, told_served), _since(TrafficCounters, counted, told_counted), since]


def _since(kind: type[C], later: Sequence[Json], told: Sequence[Json] | None) -> list[Json]:
    """Return counters less those that were told; times are but their highest, for averages need no more."""
    zero = kind()
    before = _counted(zero) if told is None else told
    made: list[Json] = []
    for at, field in enumerate(fields(kind)):
        value = getattr(zero, field.name)
        new: Json = later[at]
        old: Json = before[at]
        if isinstance(value, Rate):
            made.append(_highest(new))
        elif field.name in _MAXIMA:
            made.append(new)
        elif field.name == "times":
            made.append([0, 0, 0, 0, 0, *new[5:]])
        elif isinstance(value, dict):
            made.append({name: _commands_since(each, old.get(name, [0, 0, []])) for name, each in new.items()})
        elif isinstance(value, list):
            made.append([_more(*pair) for pair in zip(new, old, strict=True)])
        else:
            made.append(_more(new, old))
    return made


def _commands_since(later: Json, told: Json) -> Json:
    buckets = dict(map(tuple, told[2]))
    latencies = [[bucket, _more(count, buckets.get(bucket, 0))] for bucket, count in later[2]]
    return [_more(later[0], told[0]), _more(later[1], told[1]), [each for each in latencies if each[1]]]


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
