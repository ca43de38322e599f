"""The metrics that HAProxy has no name for: what mode redis does. Their names begin with `wproxy_`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from wproxy.config.model import Mode
from wproxy.observe.prometheus.metric import Metric, Sample
from wproxy.state.backend import Backend
from wproxy.state.commands import Latencies
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server

_QUANTILES = (0.5, 0.99, 0.999)
_MICROSECONDS = 1_000_000
_BOUNDS = range(6, 24)  # powers of two microseconds, from 64 µs to 8 s: where buckets of `Latencies` end, too
_LONGEST = 32


def of_frontends(frontends: Sequence[Frontend]) -> Iterator[Metric]:
    """Yield what clients of mode redis asked for."""
    commands = [
        Sample((("proxy", each.name),), each.counters.requests) for each in frontends if each.config.mode is Mode.REDIS
    ]
    yield Metric("wproxy_frontend_commands_total", "counter", "Total number of Redis commands of clients.", commands)


def of_backends(backends: Sequence[Backend]) -> Iterator[Metric]:
    """Yield what the slow log has taken in where it is on, and how far keys have followed the weights."""
    now = [(each.name, each.epochs.progress()) for each in backends if each.epochs is not None]
    rows = (
        ("epochs_open", "gauge", "Changes of weights that keys still follow.", [len(each.epochs) for _, each in now]),
        ("epochs_total", "counter", "Changes of weights that keys had to follow.", [each.opened for _, each in now]),
        (
            "slots_left",
            "gauge",
            "Pairs of a slot and a server that may still have keys of it without being its owner.",
            [each.slots_left for _, each in now],
        ),
        (
            "keys_moved_total",
            "counter",
            "Keys that were moved from one server to another.",
            [each.keys_moved_ever for _, each in now],
        ),
    )
    viewed = [(each.name, each.view) for each in backends if each.view is not None]
    slow = [
        Sample((("proxy", proxy),), view.slowlog.ever) for proxy, view in viewed if view.slowlog.slower_us is not None
    ]
    yield Metric("wproxy_backend_slow_commands_total", "counter", "Commands that the slow log has taken in.", slow)
    for name, kind, help_, values in rows:
        samples = [Sample((("proxy", proxy),), value) for (proxy, _), value in zip(now, values, strict=True)]
        yield Metric(f"wproxy_backend_{name}", kind, help_, samples)


def of_servers(backends: Sequence[Backend], *, no_maint: bool) -> Iterator[Metric]:
    """Yield which slots servers own, and what each command did on them."""
    slots, calls, errors, latencies, durations = [], [], [], [], []
    for backend in backends:
        owned = Counter(backend.slots.owners) if backend.balance == "key" else None
        for index, server in enumerate(backend.servers):
            if backend.config.mode is not Mode.REDIS or (no_maint and server.admin.maint):
                continue
            if owned is not None:
                slots.append(Sample((("proxy", backend.name), ("server", server.name)), owned[index]))
            for name, counters in sorted(server.counters.commands.items()):
                labels = (("proxy", backend.name), ("server", server.name), ("command", name))
                calls.append(Sample(labels, counters.calls))
                errors.append(Sample(labels, counters.errors))
                latencies += _latencies(server, name, labels)
                durations += _durations(counters.latencies, labels)
    yield Metric("wproxy_server_slots", "gauge", "Slots of keys that the server owns, of 16384.", slots)
    yield Metric("wproxy_server_command_calls_total", "counter", "Commands sent to the server.", calls)
    yield Metric(
        "wproxy_server_command_errors_total", "counter", "Answers that are errors, and answers that never came.", errors
    )
    yield Metric(
        "wproxy_server_command_latency_seconds",
        "summary",
        "Time from the write to the server to the read that brings the answer, at most an eighth too much.",
        latencies,
    )
    yield Metric(
        "wproxy_server_command_duration_seconds",
        "histogram",
        "The same times in buckets, to be added up over servers and commands; the sum is at most a sixteenth off.",
        durations,
    )


def _latencies(server: Server, command: str, labels: tuple[tuple[str, str], ...]) -> list[Sample]:
    latencies = server.counters.commands[command].latencies
    found = [(share, latencies.quantile(share)) for share in _QUANTILES]
    return [
        Sample((*labels, ("quantile", str(share))), None if time is None else time / _MICROSECONDS)
        for share, time in found
    ]


def _durations(latencies: Latencies, labels: tuple[tuple[str, str], ...]) -> list[Sample]:
    *counts, every = latencies.under((*_BOUNDS, _LONGEST))
    buckets = [(f"{2**power / _MICROSECONDS:.6f}", count) for power, count in zip(_BOUNDS, counts, strict=True)]
    return [
        *(Sample((*labels, ("le", bound)), count, "_bucket") for bound, count in (*buckets, ("+Inf", every))),
        Sample(labels, latencies.total_us() / _MICROSECONDS, "_sum"),
        Sample(labels, every, "_count"),
    ]
