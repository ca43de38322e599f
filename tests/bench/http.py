"""mode http beside HAProxy: wrk in front, nginx behind, one thread of everything, the same file for both."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Figures, UnfinishedError, memory_kb, processor_s
from tests.bench.peers import Peer
from tests.bench.report import print_memory, print_row, print_unfinished
from tests.support.programs import WPROXY, free_port, need, running, wait_until_listening

_NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log crit;
events {{ worker_connections 12000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{ports[0]} backlog=4096; listen 127.0.0.1:{ports[1]} backlog=4096;
    location / {{ return 200 "hello world"; }}
    location /big {{ alias {folder}/big; }}
  }}
}}
"""

_CONFIG = """
global
  nbthread 1
  maxconn {maxconn}
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 300s
  option forwardfor
frontend bench
  bind 127.0.0.1:{port}{tls}
  acl big path_beg /big
  use_backend files if big
  default_backend pages
backend pages
  balance roundrobin
  cookie SERVER insert indirect nocache
  server a 127.0.0.1:{servers[0]} cookie a
  server b 127.0.0.1:{servers[1]} cookie b
backend files
  server a 127.0.0.1:{servers[0]}
  server b 127.0.0.1:{servers[1]}
"""

_REQUESTS = re.compile(r"(\d+) requests in ([0-9.]+)s")
_LATENCY = re.compile(r"^\s+(50|99)%\s+([0-9.]+)(us|ms|s)$", re.MULTILINE)
_IN_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
_IDLE = min(10_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 400) // 2)
_BIG = 1_000_000
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Load:
    """One comparison: what it is called, wrk's options, the path, whether TLS is spoken."""

    title: str
    options: tuple[str, ...]
    path: str = "/api/items?page=1"
    tls: bool = False

    @property
    def name(self) -> str:
        """What the row is called in the table and for --only."""
        return f"http / haproxy: {self.title}"


_COOKIE = ("-H", "Cookie: session=0123456789abcdef; SERVER=a")
_CLOSE = ("-H", "Connection: close")

LOADS = (
    Load("kept connections, acl, cookie, forwardfor", ("-c50", *_COOKIE)),
    Load("kept connections, no cookie yet", ("-c50",)),
    Load("a connection per request", ("-c50", *_COOKIE, *_CLOSE)),
    Load("1 MB answers", ("-c10",), "/big"),
    Load("TLS, kept connections", ("-c50", *_COOKIE), tls=True),
    Load("TLS, a handshake per request", ("-c50", *_COOKIE, *_CLOSE), tls=True),
)
_IDLE_NAME = f"http / haproxy: memory of {_IDLE:,} idle kept connections"


def run(only: str, rounds: int, scale: float, folder: Path) -> None:
    """Measure and print the rows whose name holds `only`."""
    loads = [load for load in LOADS if only in load.name]
    if not loads and only not in _IDLE_NAME:
        return
    with ExitStack() as stack:
        servers = stack.enter_context(_nginx(folder))
        for load in loads:
            with ExitStack() as both:
                pair = [_proxy(name, folder, servers, both, tls=load.tls) for name in ("wproxy", "haproxy")]
                try:
                    figures = [[_measure(peer, load, scale) for peer in pair] for _ in range(rounds)]
                except UnfinishedError as error:
                    print_unfinished(load.name, str(error))
                    continue
                print_row(load.name, [each[0] for each in figures], [each[1] for each in figures])
        if only in _IDLE_NAME:
            _idle(folder, servers, rounds)


def _idle(folder: Path, servers: tuple[int, int], rounds: int) -> None:
    sides: dict[str, list[float]] = {"wproxy": [], "haproxy": []}
    for _ in range(min(rounds, 3)):
        for name, figures in sides.items():
            with ExitStack() as stack:
                figures.append(_idle_kb(_proxy(name, folder, servers, stack, tls=False)))
    print_memory(_IDLE_NAME, sides["wproxy"], sides["haproxy"])


def _idle_kb(peer: Peer) -> float:
    """Return how many kB one of many clients takes that has had an answer and is silent now."""
    with ExitStack() as stack:
        stack.enter_context(_served(peer))
        before = memory_kb(peer.pid)
        for _ in range(_IDLE):
            stack.enter_context(_served(peer))
        return (memory_kb(peer.pid) - before) / _IDLE


def _served(peer: Peer) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", peer.port), 10.0)
    client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
    answer = client.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        client.close()
        raise UnfinishedError(f"{peer.name} answered {answer[:40]!r}")
    return client


@contextmanager
def _nginx(folder: Path) -> Iterator[tuple[int, int]]:
    ports = free_port(), free_port()
    (folder / "big").write_bytes(b"x" * _BIG)
    user = "user root;" if not os.geteuid() else ""  # the folder is nobody else's to read
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, ports=ports, user=user))
    with running([need("nginx"), "-c", str(folder / "nginx.conf")], folder, "nginx", {}) as process:
        for port in ports:
            wait_until_listening(process, port, folder / "nginx.log")
        yield ports


def _proxy(name: str, folder: Path, servers: tuple[int, int], stack: ExitStack, *, tls: bool) -> Peer:
    port = free_port()
    crt = f" ssl crt {_certificate(folder)}" if tls else ""
    path = folder / f"{name}-http-{port}.cfg"
    path.write_text(_CONFIG.format(port=port, tls=crt, servers=servers, maxconn=_maxconn()))
    command = [*WPROXY, "-f", str(path)] if name == "wproxy" else [need("haproxy"), "-db", "-f", str(path)]
    process = stack.enter_context(running(command, folder, path.stem, {"STATE_DIRECTORY": str(folder)}))
    wait_until_listening(process, port, folder / f"{path.stem}.log")
    return Peer(name, port, process.pid)


def _maxconn() -> int:
    """Return how many connections the limit of open files allows HAProxy to promise, two descriptors for each."""
    return min(12_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)


def _certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate of its own, made once."""
    path = folder / "bench.pem"
    if not path.exists():
        key, crt = folder / "bench.key", folder / "bench.crt"
        subprocess.run(
            [
                need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", str(key), "-out", str(crt), "-days", "2", "-subj", "/CN=localhost",
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        path.write_bytes(crt.read_bytes() + key.read_bytes())
    return path


def _measure(peer: Peer, load: Load, scale: float) -> Figures:
    """Put the load on `peer`; raise UnfinishedError."""
    scheme = "https" if load.tls else "http"
    seconds = max(_SECONDS * scale, 1.0)
    url = f"{scheme}://127.0.0.1:{peer.port}{load.path}"
    command = [need("wrk"), "-t1", f"-d{seconds:.0f}s", "--latency", *load.options, url]
    before = processor_s(peer.pid)
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60)
    spent_s = processor_s(peer.pid) - before
    counted = _REQUESTS.search(done.stdout)
    if counted is None or "Non-2xx" in done.stdout or not int(counted[1]):
        raise UnfinishedError(f"{peer.name}: {done.stdout.strip()}")
    latencies = {at: float(value) * _IN_MS[unit] for at, value, unit in _LATENCY.findall(done.stdout)}
    requests = int(counted[1])
    return Figures(
        rate=requests / float(counted[2]),
        cpu_us=spent_s / requests * 1e6,
        p50_ms=latencies.get("50", 0.0),
        p99_ms=latencies.get("99", 0.0),
        memory_mb=memory_kb(peer.pid) / 1024,
    )
