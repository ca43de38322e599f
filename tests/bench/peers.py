"""The programs that are compared, each in front of the same two Redis servers with weights 30 and 70, one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import WPROXY, free_port, need, running, wait_until_listening

_CONFIG = """
global
  {threads}
  maxconn 9000
defaults
  mode {mode}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen bench
  bind 127.0.0.1:{port}
  balance {balance}
  server redisA 127.0.0.1:{servers[0]} weight 30
  server redisB 127.0.0.1:{servers[1]} weight 70
"""

_TWEMPROXY = """
bench:
  listen: 127.0.0.1:{port}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
    - 127.0.0.1:{servers[0]}:30 redisA
    - 127.0.0.1:{servers[1]}:70 redisB
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running program: where it listens, which process it is."""

    name: str
    port: int
    pid: int


@contextmanager
def _started(name: str, command: list[str], folder: Path, config: str, port: int) -> Iterator[Peer]:
    file = name.replace(" ", "-")
    (folder / f"{file}.cfg").write_text(config)
    with running([word.format(config=f"{file}.cfg") for word in command], folder, file) as process:
        wait_until_listening(process, port, folder / f"{file}.log")
        yield Peer(name, port, process.pid)


@contextmanager
def wproxy_tcp(folder: Path, servers: list[int]) -> Iterator[Peer]:
    """Run wproxy in mode tcp."""
    port = free_port()
    config = _CONFIG.format(mode="tcp", balance="roundrobin", port=port, servers=servers, threads="")
    with _started("wproxy tcp", [*WPROXY, "-f", "{config}"], folder, config, port) as peer:
        yield peer


@contextmanager
def wproxy_key(folder: Path, servers: list[int]) -> Iterator[Peer]:
    """Run wproxy in mode redis with balance key."""
    port = free_port()
    config = _CONFIG.format(mode="redis", balance="key", port=port, servers=servers, threads="")
    with _started("wproxy key", [*WPROXY, "-f", "{config}"], folder, config, port) as peer:
        yield peer


@contextmanager
def haproxy_tcp(folder: Path, servers: list[int]) -> Iterator[Peer]:
    """Run HAProxy in mode tcp with one thread."""
    port = free_port()
    config = _CONFIG.format(mode="tcp", balance="roundrobin", port=port, servers=servers, threads="nbthread 1")
    with _started("haproxy", [need("haproxy"), "-db", "-f", "{config}"], folder, config, port) as peer:
        yield peer


@contextmanager
def twemproxy(folder: Path, servers: list[int]) -> Iterator[Peer]:
    """Run twemproxy with ketama."""
    port = free_port()
    config = _TWEMPROXY.format(port=port, servers=servers)
    with _started("twemproxy", [need("nutcracker"), "-c", "{config}"], folder, config, port) as peer:
        yield peer
