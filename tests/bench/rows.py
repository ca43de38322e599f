"""What is measured: a row per load. Equal work: both sides get the same load, weights, servers and one thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: `redis-benchmark` with these options, `requests` of them in a round."""

    name: str
    ours: str
    peer: str
    requests: int
    options: tuple[str, ...]


def _compared(ours: str, peer: str, loads: tuple[tuple[str, int, str], ...]) -> list[Row]:
    return [
        Row(f"{ours} / {peer}: {name}", ours, peer, requests, tuple(text.split())) for name, requests, text in loads
    ]


_COMMANDS = (
    ("SET, pipeline 1, 50 clients", 150_000, "-t set -c 50 -r 10000"),
    ("GET, pipeline 1, 50 clients", 150_000, "-t get -c 50 -r 10000"),
    ("SET, pipeline 16, 50 clients", 800_000, "-t set -c 50 -P 16 -r 10000"),
    ("GET, pipeline 16, 50 clients", 800_000, "-t get -c 50 -P 16 -r 10000"),
    ("SET, 10 kB values, 50 clients", 60_000, "-t set -c 50 -d 10000 -r 1000"),
    ("GET, 10 kB values, 50 clients", 60_000, "-t get -c 50 -d 10000 -r 1000"),
)

_CONNECTIONS = (
    ("SET, a new connection each", 30_000, "-t set -c 50 -k 0 -r 10000"),
    ("SET, 1 client", 30_000, "-t set -c 1 -r 10000"),
    ("SET, 1,000 clients", 150_000, "-t set -c 1000 -r 10000"),
    ("SET, 5,000 clients", 150_000, "-t set -c 5000 -r 10000"),
    ("GET, 1 MB values, 10 clients (bulk)", 4_000, "-t set,get -c 10 -d 1000000"),
)

ROWS: tuple[Row, ...] = (
    *_compared("wproxy tcp", "haproxy", _COMMANDS + _CONNECTIONS),
    *_compared("wproxy key", "twemproxy", _COMMANDS),
    *_compared("wproxy key", "haproxy", _COMMANDS[:4]),
)
