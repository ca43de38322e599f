"""One round: the load's own figures, and the processor time and memory of the program under it."""

from __future__ import annotations

import csv
import os
import subprocess
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from tests.bench.peers import Peer
from tests.bench.rows import Row
from tests.support.programs import need

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """Requests per second, processor microseconds per request, latencies in milliseconds, resident memory in MB."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    memory_mb: float


def measure(peer: Peer, row: Row, scale: float) -> Figures:
    """Put the load of `row` on `peer`."""
    requests = max(int(row.requests * scale), 100)
    command = [need("redis-benchmark"), "-p", str(peer.port), "-n", str(requests), "--csv", *row.options]
    before = processor_s(peer.pid)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    spent_s = processor_s(peer.pid) - before
    results = list(csv.DictReader(StringIO(done.stdout)))
    last = results[-1]
    return Figures(
        rate=float(last["rps"]),
        cpu_us=spent_s / (requests * len(results)) * 1e6,
        p50_ms=float(last["p50_latency_ms"]),
        p99_ms=float(last["p99_latency_ms"]),
        memory_mb=memory_mb(peer.pid),
    )


def processor_s(pid: int) -> float:
    """Return user and system time of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
