"""The programs that are compared, each in front of the same two Redis servers with weights 30 and 70, one thread
unless their names say two.

wproxy and HAProxy get the same file, word for word but for the port and, in mode redis, mode and balance. In front of
more than two servers each of the two stands behind half of the `server` lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support.certificates import for_host
from tests.support.programs import WPROXY, free_port, need, running, wait_until_listening

_CONFIG = """
global
  nbthread {threads}
  maxconn 9000
  stats socket {stats} mode 600 level admin
defaults
  mode {mode}
  timeout connect 2s
  timeout client 60s
  timeout server 60s
listen bench
  bind 127.0.0.1:{port}{tls}
  balance {balance}
"""

_TWEMPROXY = """
bench:
  listen: 127.0.0.1:{port}
  hash: fnv1a_64
  distribution: ketama
  redis: true
  servers:
"""

_WEIGHTS = (30, 70)


@dataclass(frozen=True, slots=True)
class Peer:
    """A running program: where it listens, which process it is, its stats socket if it has one."""

    name: str
    port: int
    pid: int
    tls: bool = False
    stats: Path | None = None


@dataclass(frozen=True, slots=True)
class _Program:
    """How one of the programs is started; the last word of `command` is followed by its configuration."""

    command: tuple[str, ...]
    mode: str = "tcp"
    balance: str = "roundrobin"
    template: str = _CONFIG
    server: str = "  server redis{number} 127.0.0.1:{port} weight {weight}\n"
    threads: int = 1
    certificate: str = ""  # the kind of key of the certificate with which clients are served


_TWEMPROXY_SERVER = "    - 127.0.0.1:{port}:{weight} redis{number}\n"

_PROGRAMS = {
    "wproxy tcp": _Program((*WPROXY, "-f")),
    "wproxy key": _Program((*WPROXY, "-f"), mode="redis", balance="key"),
    "haproxy": _Program(("haproxy", "-db", "-f")),
    "wproxy 2 workers": _Program((*WPROXY, "-f"), threads=2),
    "haproxy 2 threads": _Program(("haproxy", "-db", "-f"), threads=2),
    "wproxy tls ecdsa": _Program((*WPROXY, "-f"), certificate="ecdsa"),
    "haproxy tls ecdsa": _Program(("haproxy", "-db", "-f"), certificate="ecdsa"),
    "wproxy tls rsa": _Program((*WPROXY, "-f"), certificate="rsa"),
    "haproxy tls rsa": _Program(("haproxy", "-db", "-f"), certificate="rsa"),
    "twemproxy": _Program(("nutcracker", "-c"), template=_TWEMPROXY, server=_TWEMPROXY_SERVER),
}


class Peers:
    """Starts a program when a row first needs it and lets it run until the end; a context manager."""

    def __init__(self, folder: Path, redis: Sequence[int]) -> None:
        """Programs run in `folder`, in front of the Redis servers on the ports `redis`, as many as weights."""
        self._folder = folder
        self._redis = redis
        self._stack = ExitStack()
        self._running: dict[tuple[str, int], Peer] = {}

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def get(self, name: str, servers: int = 2) -> Peer:
        """Return the running program `name` with so many `server` lines."""
        key = name, servers
        if key not in self._running:
            self._running[key] = self.start(name, servers, self._stack)
        return self._running[key]

    def start(self, name: str, servers: int, stack: ExitStack) -> Peer:
        """Start a program anew; it ends with `stack`."""
        program, port = _PROGRAMS[name], free_port()
        first, *options = program.command
        stem = f"{name.replace(' ', '-')}-{port}"
        stats = self._folder / f"{stem}.sock"
        text = program.template.format(
            mode=program.mode,
            balance=program.balance,
            port=port,
            tls=self._tls(program),
            stats=stats,
            threads=program.threads,
        )
        (self._folder / f"{stem}.cfg").write_text(text + self._servers(program, servers))
        command = [first if "/" in first else need(first), *options, f"{stem}.cfg"]
        # What wproxy remembers between two starts belongs to this folder, not to the machine.
        environment = {"STATE_DIRECTORY": str(self._folder)}
        process = stack.enter_context(running(command, self._folder, stem, environment))
        wait_until_listening(process, port, self._folder / f"{stem}.log")
        return Peer(name, port, process.pid, tls=bool(program.certificate), stats=stats)

    def _tls(self, program: _Program) -> str:
        """Return what the `bind` line says for clients to be served with TLS."""
        kind = program.certificate
        if not kind:
            return ""
        path = self._folder / f"{kind}.pem"
        if not path.exists():
            for_host("bench.example", kind=kind).write(path)
        return f" ssl crt {path}"

    def _servers(self, program: _Program, count: int) -> str:
        places = zip(self._redis, _WEIGHTS, strict=True)
        kinds = [program.server.format(port=port, weight=weight, number="{number}") for port, weight in places]
        return "".join(kinds[number % len(kinds)].format(number=number) for number in range(count))
