"""Clients that check every answer while the proxy below them is replaced again and again."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

from tests.support.echo_http import Reader
from tests.support.programs import WPROXY, need, running, wait_until_listening
from tests.support.stats import Stats
from tests.support.waiting import wait_for

KEPT_S = 2.5  # how long a checking client keeps a connection: longer than a process serves before the next one comes
LOAD = ["nice", "-n", "15"]  # a load takes all there is; on a small machine the next process must get to its start
_TIMEOUT_S = 15.0
_START_S = 60.0  # that much time a process may take to start while the load takes all there is

Ask = Callable[[socket.socket, Reader, str], bool]
"""Asks something unique, whose text is given, on a connection; tells whether that may be used again."""


def ask_redis(connection: socket.socket, reader: Reader, text: str) -> bool:
    """SET a key of its own and GET it back."""
    connection.sendall(f"SET {text} {text}\r\n".encode())
    assert (answer := connection.recv(1024)) == b"+OK\r\n", answer
    connection.sendall(f"GET {text}\r\n".encode())
    assert (answer := connection.recv(1024)) == f"${len(text)}\r\n{text}\r\n".encode(), answer
    return True


def ask_http(connection: socket.socket, reader: Reader, text: str) -> bool:
    """POST to a path of its own, which the server tells back; a request that nobody would send again."""
    connection.sendall(f"POST /{text} HTTP/1.1\r\nHost: storm\r\nContent-Length: 2\r\n\r\nok".encode())
    answer = reader.message(has_body=True)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert answer.endswith(f"/{text}".encode()), answer
    return re.search(rb"(?im)^connection: close\r$", answer) is None


@dataclass
class Checker:
    """Asks on kept connections (`kept_s`), or on a new one each time, and counts what happened."""

    port: int
    ask: Ask
    kept_s: float
    name: str
    idle_s: float = inf  # a connection that was idle for longer is not used again
    answered: int = 0
    connections: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        while not stop.is_set():
            began = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", self.port), _TIMEOUT_S) as connection:
                    self.connections += 1
                    reader = Reader(connection)
                    keeps = True
                    while keeps and not stop.is_set():
                        keeps = self.ask(connection, reader, f"{self.name}-{self.answered}")
                        self.answered += 1
                        keeps = keeps and time.monotonic() - began < self.kept_s
                        answered_at = time.monotonic()
                        stop.wait(0.002)
                        keeps = keeps and time.monotonic() - answered_at < self.idle_s
            except (OSError, AssertionError) as error:
                self.failures.append(
                    f"{self.name}, answer {self.answered}, {time.monotonic() - began:.3f} s: {error!r}"
                )


@contextmanager
def checkers(port: int, ask: Ask) -> Iterator[list[Checker]]:
    """Run checking clients in threads; at the end none of them has failed."""
    stop = threading.Event()
    # A process that finishes lets an idle client of mode http go after two seconds. On a machine that has no time for
    # it this client may be idle for so long.
    idle_s = 1.0 if ask is ask_http else inf
    made = [Checker(port, ask, KEPT_S, f"kept{number}", idle_s) for number in range(3)]
    made += [Checker(port, ask, 0.0, f"fresh{number}") for number in range(2)]
    threads = [threading.Thread(target=each.run, args=(stop,)) for each in made]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    failures = [failure for each in made for failure in each.failures]
    assert failures == [], failures
    assert min(each.answered for each in made) > 50


@contextmanager
def wrk(port: int, folder: Path, seconds: float) -> Iterator[None]:
    """Run wrk on kept connections for so long; at the end no request of its has failed."""
    # wrk counts as late what takes two seconds, which on a busy machine says nothing; what hangs, hangs longer.
    command = [
        *LOAD,
        need("wrk"),
        "-t1",
        "-c20",
        "--timeout",
        "15s",
        f"-d{int(seconds) + 1}s",
        f"http://127.0.0.1:{port}/wrk",
    ]
    with running(command, folder, "wrk") as process:
        yield
        assert process.wait(60.0) == 0
    said = (folder / "wrk.log").read_text()
    assert "Requests/sec" in said, said
    assert "Socket errors" not in said, said
    assert "Non-2xx" not in said, said


@contextmanager
def redis_benchmark(port: int, folder: Path, *options: str, name: str) -> Iterator[None]:
    """Run redis-benchmark until the block ends; it ends by itself only when something has failed."""
    command = [
        *LOAD,
        "timeout",
        "600",
        need("redis-benchmark"),
        "-p",
        str(port),
        "-t",
        "set,get",
        "-r",
        "1000",
        "-l",
        "-q",
    ]
    with running([*command, *options], folder, name) as process:
        yield
        said = (folder / f"{name}.log").read_text(errors="replace")
        assert process.poll() is None, said
    said = (folder / f"{name}.log").read_text(errors="replace")
    assert not re.search(r"(?i)error|closed|refused", said), said


@contextmanager
def nginx(folder: Path, port: int) -> Iterator[int]:
    """Run nginx that answers with the path it is asked for."""
    (folder / "nginx.conf").write_text(
        f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx-errors.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "$request_uri"; }} }}
}}
"""
    )
    command = [need("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")]
    with running(command, folder, "nginx-out") as process:
        wait_until_listening(process, port, folder / "nginx-out.log")
        yield port


@dataclass
class Replaced:
    """A proxy with its file, of which a new one takes the place when it is asked to."""

    folder: Path
    stack: ExitStack
    under_master: bool
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    most: int = 0  # processes at the same time

    @property
    def stats(self) -> Stats:
        return Stats(self.folder / "wproxy.sock")

    @property
    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("wproxy-*.log")))

    def start(self) -> None:
        """Start the first one, or the next one in the place of the last."""
        number = len(self.processes)
        options = ["-sf", self._pidfile.read_text().strip()] if self.processes else []
        options += ["-W"] if self.under_master else []
        command = [*WPROXY, "-f", "wproxy.cfg", "-p", "wproxy.pid", *options]
        started = self.stack.enter_context(running(command, self.folder, f"wproxy-{number:03}"))
        self.processes.append(started)

        def serves() -> bool:
            assert started.poll() is None, self.log
            return self._pidfile.exists() and self._pidfile.read_text() == f"{started.pid}\n"

        wait_for(serves, _START_S, f"process {number} serves")

    def replace(self) -> None:
        """Have the configuration taken up anew; return when that has been done."""
        if self.under_master:
            before = self.log.count("Reloaded: ")
            self.processes[0].send_signal(signal.SIGUSR2)
            wait_for(lambda: self.log.count("Reloaded: ") > before, _START_S, "the reload")
        else:
            self.start()
        self.most = max(self.most, len(self.pids()))

    def fail_to_replace(self) -> None:
        """Try it with a file that cannot be read; return when that has been told."""
        file = self.folder / "wproxy.cfg"
        good = file.read_text()
        file.write_text(f"{good}\n    balanse roundrobin\n")
        if self.under_master:
            before = self.log.count("Reload failed")
            self.processes[0].send_signal(signal.SIGUSR2)
            wait_for(lambda: self.log.count("Reload failed") > before, _START_S, "the reload fails")
            assert "did you mean 'balance'?" in self.log
        else:
            command = [*WPROXY, "-f", "wproxy.cfg", "-p", "wproxy.pid", "-sf", self._pidfile.read_text().strip()]
            done = subprocess.run(
                command, cwd=self.folder, capture_output=True, text=True, timeout=_START_S, check=False
            )
            assert done.returncode == 1
            assert "did you mean 'balance'?" in done.stderr
        file.write_text(good)

    def pids(self) -> set[int]:
        """Return all processes that there are: all that were started, and their children."""
        alive = {process.pid for process in self.processes if process.poll() is None}
        for pid in list(alive):
            with suppress(OSError):
                alive |= {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
        return alive

    def resident_bytes(self) -> int:
        """Return the memory of all of them, what they share counted once for each."""
        return sum(resident_bytes(pid) for pid in self.pids())

    @property
    def _pidfile(self) -> Path:
        return self.folder / "wproxy.pid"


def resident_bytes(pid: int) -> int:
    """Return how much memory a process has in use; 0 when it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def replaced(folder: Path, config: str, *, under_master: bool) -> Iterator[Replaced]:
    """Start a proxy that can be replaced; end all that is left of it at the end."""
    (folder / "wproxy.cfg").write_text(config)
    with ExitStack() as stack:
        made = Replaced(folder, stack, under_master)
        made.start()
        yield made


def every_second(seconds: float, act: Callable[[int], None], at_least: int) -> int:
    """Call `act` with 0, 1, 2 …, once a second or as often as it can be done, for so long; return how often."""
    pause = threading.Event()
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < seconds or number < at_least:
        due = time.monotonic() + 1.0
        act(number)
        number += 1
        pause.wait(max(due - time.monotonic(), 0.0))
    return number
