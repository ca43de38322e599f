"""A new process takes over, or a master reloads: no client is refused, nothing set at runtime is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.pids import alive
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, redis_server, running
from tests.support.proxies import check_log
from tests.support.stats import Stats
from tests.support.waiting import wait_for

CONFIGURATION = """
global
    stats socket {folder}/{name}.sock mode 600 level admin
defaults
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    mode {mode}
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server} weight {weight}
    server b 127.0.0.1:{server} weight 70
"""


@dataclass
class Clients:
    """Connects again and again, each time with one command, and counts what happened."""

    port: int
    answered: int = 0
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 15.0) as client:
                    client.sendall(b"PING\r\n")
                    assert client.recv(64) == b"+PONG\r\n"
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))


@contextmanager
def clients(port: int) -> Iterator[Clients]:
    """Run clients in a thread; at the end none of them has failed."""
    counted, stop = Clients(port), threading.Event()
    thread = threading.Thread(target=counted.run, args=(stop,))
    thread.start()
    try:
        yield counted
    finally:
        stop.set()
        thread.join()
    assert counted.failures == []
    assert counted.answered > 30


@dataclass
class Place:
    """Where the proxies of one test live."""

    folder: Path
    port: int
    server: int
    mode: str = "tcp"
    name: str = "wproxy"

    @property
    def stats(self) -> Stats:
        return Stats(self.folder / f"{self.name}.sock")

    def write(self, weight: int = 30, more: str = "") -> None:
        text = CONFIGURATION.format(**vars(self), weight=weight)
        (self.folder / "wproxy.cfg").write_text(text + more)

    def log(self, process: str) -> str:
        return (self.folder / f"{process}.log").read_text()

    def pid(self) -> int:
        """Return the process id that the stats socket tells; 0 while nobody answers."""
        try:
            answer = self.stats.ask("show info")
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in answer.splitlines() if line.startswith("Pid:")), 0)


@pytest.fixture(params=["tcp", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with redis_server(tmp_path) as server:
        made = Place(tmp_path, free_port(), server, mode=request.param)
        made.write()
        yield made


@contextmanager
def process(place: Place, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run wproxy; yield it when it answers on the stats socket itself, or its worker does under -W."""
    before = place.pid()
    with running([*WPROXY, "-f", "wproxy.cfg", *options], place.folder, name) as started:

        def serves() -> bool:
            assert started.poll() is None, place.log(name)
            return place.pid() not in (0, before)

        wait_for(serves, START_TIMEOUT_S, f"{name} serves")
        yield started
    check_log(place.log(name))


def test_a_new_process_takes_the_sockets_over_and_no_client_is_refused(place: Place) -> None:
    with ExitStack() as processes:
        old = processes.enter_context(process(place, "first"))
        with clients(place.port) as counted:
            wait_for(lambda: counted.answered > 50, what="clients")
            for number in range(3):
                new = processes.enter_context(process(place, f"next-{number}", "-sf", str(old.pid)))
                assert old.wait(10.0) == 0
                assert place.pid() == new.pid
                old = new
    assert not place.stats.path.exists()


def test_sessions_of_the_old_process_go_on(place: Place) -> None:
    with process(place, "old") as old, socket.create_connection(("127.0.0.1", place.port), 5.0) as client:
        client.sendall(b"PING\r\n")
        assert client.recv(64) == b"+PONG\r\n"
        with process(place, "new", "-sf", str(old.pid)):
            client.sendall(b"ECHO still\r\n")
            assert client.recv(64) == b"$5\r\nstill\r\n"
            assert old.poll() is None
            client.close()
            assert old.wait(10.0) == 0


def test_st_ends_the_old_process_at_once(place: Place) -> None:
    with (
        process(place, "old") as old,
        socket.create_connection(("127.0.0.1", place.port), 5.0) as client,
        process(place, "new", "-st", str(old.pid)),
    ):
        assert old.wait(10.0) == 0
        assert client.recv(64) == b""


def test_sf_without_anybody_to_replace(place: Place) -> None:
    with process(place, "only", "-sf"):
        assert place.stats.ask("show info").startswith("Name: HAProxy")


def test_what_was_set_at_runtime_outlives_the_process(place: Place) -> None:
    with process(place, "first"):
        place.stats.ask("set weight main/a 50")
        place.stats.ask("set server main/b state drain")
    with process(place, "second"):
        assert place.stats.ask("get weight main/a") == "50 (initial 30)\n\n"
        assert place.stats.row("b")["status"] == "DRAIN"
        assert "weight 50, as set at runtime (configuration: 30)" in place.log("second")
    place.write(weight=40)
    with process(place, "third"):
        assert place.stats.ask("get weight main/a") == "40 (initial 40)\n\n"
        assert "weight 40 of the configuration replaces 50" in place.log("third")
    with process(place, "fourth"):
        assert "replaces" not in place.log("fourth")


def test_the_master_reloads_without_refusing_a_client(place: Place) -> None:
    pidfile = place.folder / "pid"
    with process(place, "master", "-W", "-p", str(pidfile)) as master, clients(place.port) as counted:
        wait_for(lambda: pidfile.read_text() == f"{master.pid}\n", what="the pid file, which follows the worker")
        place.stats.ask("set weight main/a 50")
        for _ in range(3):
            reload(place, master)
        assert place.stats.ask("get weight main/a") == "50 (initial 30)\n\n"
        seen = counted.answered
        wait_for(lambda: counted.answered > seen + 50, what="clients after the last reload")
        assert master.poll() is None


def reload(place: Place, master: subprocess.Popen[bytes]) -> None:
    before = place.pid()
    master.send_signal(signal.SIGUSR2)
    wait_for(lambda: place.pid() not in (0, before), START_TIMEOUT_S, "the new worker answers")
    wait_for(lambda: not alive(before), 15.0, "the old worker is gone")


def test_a_configuration_that_cannot_be_used_leaves_the_old_one_running(place: Place) -> None:
    with process(place, "master", "-W") as master:
        worker = place.pid()
        place.write(more="    balanse roundrobin\n")
        master.send_signal(signal.SIGUSR2)
        wait_for(lambda: "Reload failed" in place.log("master"), START_TIMEOUT_S, "the reload fails")
        assert "did you mean 'balance'?" in place.log("master")
        assert place.pid() == worker
        place.write(weight=40)
        reload(place, master)
        assert place.stats.ask("get weight main/a") == "40 (initial 40)\n\n"


def test_an_address_in_use_leaves_the_old_one_its_stats_socket(place: Place) -> None:
    taken = f"    bind 127.0.0.1:{place.server}\n"
    with process(place, "master", "-W") as master:
        worker = place.pid()
        place.write(more=taken)
        master.send_signal(signal.SIGUSR2)
        wait_for(lambda: "Reload failed" in place.log("master"), START_TIMEOUT_S, "the reload fails")
        assert place.pid() == worker
        place.write()
        reload(place, master)


@pytest.mark.parametrize("fault", ["    bind 127.0.0.1:{server}\n", "global\n    pidfile {folder}/missing/pid\n"])
def test_a_new_process_that_cannot_start_leaves_the_old_one_its_stats_socket(place: Place, fault: str) -> None:
    with process(place, "first") as old:
        place.write(more=fault.format(server=place.server, folder=place.folder))
        command = [*WPROXY, "-f", "wproxy.cfg", "-sf", str(old.pid)]
        assert subprocess.run(command, cwd=place.folder, capture_output=True, check=False).returncode == 1
        assert place.pid() == old.pid


@pytest.mark.parametrize("name", ["notify", "@{folder}"])
def test_systemd_is_told_when_the_worker_serves(place: Place, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        path = name.format(folder=place.folder.name) if name.startswith("@") else str(place.folder / name)
        told.bind(path.replace("@", "\0"))
        told.settimeout(START_TIMEOUT_S)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        with process(place, "master", "-Ws") as master:
            assert told.recv(64) == b"READY=1\n"
            assert place.pid() not in (0, master.pid)


def test_a_worker_that_dies_is_replaced(place: Place) -> None:
    with process(place, "master", "-W"):
        worker = place.pid()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: place.pid() not in (0, worker), START_TIMEOUT_S, "another worker")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 0)], ids=str
)
def test_the_master_ends_with_its_worker(place: Place, number: signal.Signals, code: int) -> None:
    with process(place, "master", "-W") as master:
        worker = place.pid()
        master.send_signal(number)
        assert master.wait(10.0) == code
        assert not alive(worker)
    assert not place.stats.path.exists()


def test_in_the_background_it_returns_when_it_serves(place: Place) -> None:
    pidfile = place.folder / "pid"
    for options in (["-D"], ["-D", "-W"]):
        done = subprocess.run(
            [*WPROXY, "-f", "wproxy.cfg", "-p", str(pidfile), *options],
            cwd=place.folder, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=True,
        )  # fmt: skip
        assert (done.stdout, done.stderr) == ("", "")
        pid = int(pidfile.read_text())
        assert place.pid() != 0
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda pid=pid: not alive(pid), 10.0, "it ends")  # type: ignore[misc]


def test_of_two_that_take_over_at_once_the_later_one_stays(place: Place) -> None:
    """Both name the same old process, and none names the other."""
    pidfile = place.folder / "pid"
    with ExitStack() as processes:
        old = processes.enter_context(process(place, "old", "-p", str(pidfile)))
        with clients(place.port) as counted:
            for number in range(4):
                command = [*WPROXY, "-f", "wproxy.cfg", "-p", str(pidfile), "-sf", str(old.pid)]
                started = [processes.enter_context(running(command, place.folder, f"{name}-{number}")) for name in "ab"]
                assert old.wait(60.0) == 0
                earlier, later = started
                assert earlier.wait(60.0) == 0, place.log(f"a-{number}")
                assert later.poll() is None, place.log(f"b-{number}")
                wait_for(lambda later=later: pidfile.read_text() == f"{later.pid}\n", 5.0, "the file")  # type: ignore[misc]
                old = later
            seen = counted.answered
            wait_for(lambda: counted.answered > seen + 20, what="clients at the end")
        for path in place.folder.glob("[ab]-*.log"):
            check_log(path.read_text())
