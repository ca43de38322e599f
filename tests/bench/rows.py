"""What is measured: a row per load. Equal work: both sides get the same load, weights, servers and threads."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: `redis-benchmark` with these options, `requests` of them in a round."""

    ours: str
    peer: str
    load: str
    requests: int
    options: tuple[str, ...]
    servers: int = 2

    @property
    def name(self) -> str:
        """What the row is called in the table and for --only."""
        return f"{self.ours} / {self.peer}: {self.load}"


@dataclass(frozen=True, slots=True)
class Crowd:
    """One comparison of memory: what `connections` that have been served once, and are silent now, take."""

    ours: str
    peer: str
    connections: int

    @property
    def name(self) -> str:
        """What the row is called in the table and for --only."""
        return f"{self.ours} / {self.peer}: memory of {self.connections:,} connections"


@dataclass(frozen=True, slots=True)
class Growth:
    """What is told of two rows: how much more processor time a request takes in the second one."""

    what: str
    of: str
    to: str


Load = tuple[str, int, str]  # what it is called, requests in a round, options

_COMMANDS: tuple[Load, ...] = (
    ("SET, pipeline 1, 50 clients", 150_000, "-t set -c 50 -r 10000"),
    ("GET, pipeline 1, 50 clients", 150_000, "-t get -c 50 -r 10000"),
    ("SET, pipeline 16, 50 clients", 800_000, "-t set -c 50 -P 16 -r 10000"),
    ("GET, pipeline 16, 50 clients", 800_000, "-t get -c 50 -P 16 -r 10000"),
    ("SET, 10 kB values, 50 clients", 60_000, "-t set -c 50 -d 10000 -r 1000"),
    ("GET, 10 kB values, 50 clients", 60_000, "-t get -c 50 -d 10000 -r 1000"),
)

_CROWD: tuple[Load, ...] = (
    ("SET, pipeline 1, 1,000 clients", 150_000, "-t set -c 1000 -r 10000"),
    ("GET, pipeline 1, 1,000 clients", 150_000, "-t get -c 1000 -r 10000"),
    ("SET, pipeline 16, 1,000 clients", 800_000, "-t set -c 1000 -P 16 -r 10000"),
    ("GET, pipeline 16, 1,000 clients", 800_000, "-t get -c 1000 -P 16 -r 10000"),
)

_NEW = ("SET, a new connection each", 30_000, "-t set -c 50 -k 0 -r 10000")

_CONNECTIONS: tuple[Load, ...] = (
    _NEW,
    ("SET, 1 client", 30_000, "-t set -c 1 -r 10000"),
    ("SET, 10 clients", 150_000, "-t set -c 10 -r 10000"),
    ("SET, 500 clients", 150_000, "-t set -c 500 -r 10000"),
    ("SET, 1,000 clients", 150_000, "-t set -c 1000 -r 10000"),
    # So many requests that what it costs to connect is no more than a few per cent.
    ("SET, 5,000 clients", 600_000, "-t set -c 5000 -r 10000"),
    ("GET, 1 MB values, 10 clients (bulk)", 4_000, "-t set,get -c 10 -d 1000000"),
)

_SERVERS: tuple[Load, ...] = (
    ("SET, pipeline 1, 50 clients, 200 servers", *_COMMANDS[0][1:]),
    ("SET, a new connection each, 200 servers", *_NEW[1:]),
)

# redis-benchmark speaks TLSv1.3, resumes no session, and has one thread as the proxies have.
_TLS: tuple[Load, ...] = (
    ("SET, pipeline 1, 50 clients", 100_000, "-t set -c 50 -r 10000"),
    ("GET, pipeline 16, 50 clients", 400_000, "-t get -c 50 -P 16 -r 10000"),
    ("GET, 10 kB values, 50 clients", 40_000, "-t get -c 50 -d 10000 -r 1000"),
    ("GET, 1 MB values, 10 clients (bulk)", 1_000, "-t set,get -c 10 -d 1000000"),
    ("SET, a new connection each (a handshake)", 5_000, "-t set -c 50 -k 0 -r 10000"),
)


# redis-benchmark has two threads here: one is no more than what one worker serves.
_WORKERS: tuple[Load, ...] = (
    ("SET, pipeline 1, 50 clients, 2 threads of load", 150_000, "-t set -c 50 -r 10000 --threads 2"),
    ("GET, pipeline 16, 50 clients, 2 threads of load", 800_000, "-t get -c 50 -P 16 -r 10000 --threads 2"),
    ("SET, a new connection each, 2 threads of load", 30_000, "-t set -c 50 -k 0 -r 10000 --threads 2"),
)


def _compared(ours: str, peer: str, loads: tuple[Load, ...], servers: int = 2) -> list[Row]:
    return [Row(ours, peer, load, requests, tuple(text.split()), servers) for load, requests, text in loads]


ROWS: tuple[Row | Crowd, ...] = (
    *_compared("wproxy tcp", "haproxy", _COMMANDS + _CONNECTIONS),
    *_compared("wproxy tcp", "haproxy", _SERVERS, servers=200),
    Crowd("wproxy tcp", "haproxy", 1_000),
    Crowd("wproxy tcp", "haproxy", 5_000),
    *_compared("wproxy 2 workers", "haproxy 2 threads", _WORKERS),
    *_compared("wproxy 2 workers", "wproxy tcp", _WORKERS),
    *_compared("wproxy tls ecdsa", "haproxy tls ecdsa", _TLS),
    *_compared("wproxy tls rsa", "haproxy tls rsa", _TLS[-1:]),
    Crowd("wproxy tls ecdsa", "haproxy tls ecdsa", 1_000),
    *_compared("wproxy key", "twemproxy", _COMMANDS + _CROWD),
    *_compared("wproxy key", "haproxy", _COMMANDS[:4]),
)

GROWTHS = (
    Growth("from 10 to 5,000 connections", "SET, 10 clients", "SET, 5,000 clients"),
    Growth("from 2 to 200 servers, kept connections", _COMMANDS[0][0], _SERVERS[0][0]),
    Growth("from 2 to 200 servers, a new connection each", _NEW[0], _SERVERS[1][0]),
)
