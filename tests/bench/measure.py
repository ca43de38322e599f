"""One round: the load's own figures, and the processor time and memory of the program under it."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from tests.bench.peers import Peer
from tests.bench.rows import Row
from tests.support.memory_tls import client_context
from tests.support.programs import need

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_LONGEST_S = 120.0  # of one round of one side
_PING, _PONG = b"PING\r\n", b"+PONG\r\n"


class UnfinishedError(Exception):
    """A round did not come to its end; the text says which and why. Raised here, printed in place of the row."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests per second, processor microseconds per request, latencies in milliseconds, resident memory in MB."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    memory_mb: float


def measure(peer: Peer, row: Row, scale: float) -> Figures:
    """Put the load of `row` on `peer`; raise UnfinishedError."""
    requests = max(int(row.requests * scale), 100)
    command = [need("redis-benchmark"), "-p", str(peer.port), "-n", str(requests), "--csv", *row.options]
    if peer.tls:
        command += ["--tls", "--insecure"]
    before = processor_s(peer.pid)
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LONGEST_S)
    except subprocess.TimeoutExpired as error:
        raise UnfinishedError(f"{peer.name} did not finish {requests} requests in {_LONGEST_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise UnfinishedError(f"redis-benchmark in front of {peer.name} failed: {error.stderr.strip()}") from error
    spent_s = processor_s(peer.pid) - before
    results = list(csv.DictReader(StringIO(done.stdout)))
    last = results[-1]
    return Figures(
        rate=float(last["rps"]),
        cpu_us=spent_s / (requests * len(results)) * 1e6,
        p50_ms=float(last["p50_latency_ms"]),
        p99_ms=float(last["p99_latency_ms"]),
        memory_mb=memory_kb(peer.pid) / 1024,
    )


def connection_kb(peer: Peer, connections: int) -> float:
    """Return how many kB of memory one of so many connections takes in a `peer` that was just started.

    Each has had an answer, so it has its server; raise UnfinishedError.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(_served(peer))  # the first one brings what all share
            before = memory_kb(peer.pid)
            for _ in range(connections):
                stack.enter_context(_served(peer))
        except OSError as error:
            raise UnfinishedError(f"{peer.name} did not serve {connections} connections: {error}") from error
        return (memory_kb(peer.pid) - before) / connections


def _served(peer: Peer) -> socket.socket:
    """Return a connection that has had an answer; raise OSError, UnfinishedError."""
    client = socket.create_connection(("127.0.0.1", peer.port), 10.0)
    if peer.tls:
        client = client_context().wrap_socket(client)
    client.sendall(_PING)
    if client.recv(len(_PONG)) != _PONG:
        client.close()
        raise UnfinishedError(f"{peer.name} closed a connection")
    return client


def _processes(pid: int) -> Iterator[int]:
    """Yield `pid` and all that descend from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _processes(int(child))


def processor_s(pid: int) -> float:
    """Return user and system time of a program, all its processes and threads together."""
    ticks = 0
    for process in _processes(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * _TICK_S


def memory_kb(pid: int) -> int:
    """Return the resident memory of a program, all its processes together."""
    statuses = (Path(f"/proc/{process}/status").read_text() for process in _processes(pid))
    lines = (line for status in statuses for line in status.splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
