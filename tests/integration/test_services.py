"""The programs as services: they tell systemd that they serve and that they are alive, and keep to what units allow."""

from __future__ import annotations

import configparser
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.programs import WPROXY, free_port, redis_server, running
from tests.support.stats import Stats
from tests.support.syscalls import calls, refused, traced
from tests.support.tcp_server import ask_name, named_server
from tests.support.waiting import wait_for

UNITS = Path(__file__).resolve().parent.parent.parent / "systemd"
WATCHDOG_S = 0.6
CONFIGURATION = """
global
    stats socket {folder}/wproxy.sock mode 600 level admin
    state-file {folder}/state.json
defaults
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    mode tcp
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""


@dataclass
class Systemd:
    """Hears what services say."""

    told: socket.socket
    path: Path

    @property
    def env(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}

    def next(self, timeout_s: float = 20.0) -> str:
        self.told.settimeout(timeout_s)
        return self.told.recv(64).decode()

    def is_silent(self) -> bool:
        """Tell whether it hears nothing for as long as it would wait before it ends a service."""
        while True:
            try:
                self.next(0.001)
            except TimeoutError:
                break
        try:
            self.next(WATCHDOG_S * 2)
        except TimeoutError:
            return True
        return False


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        path = tmp_path / "notify"
        told.bind(str(path))
        yield Systemd(told, path)


@contextmanager
def service(
    systemd: Systemd, folder: Path, *command: str, trace: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of wproxy's; yield it when it has told that it serves."""
    started = [*WPROXY, *command]
    if trace is not None:
        started = traced(started, trace)
    with running(started, folder, "service", env=systemd.env, stop_timeout_s=30.0) as process:
        try:
            # Under a master the process that serves is alive some milliseconds before the master knows it.
            while systemd.next(60.0) != "READY=1\n":
                pass
        except TimeoutError as error:
            error.add_note((folder / "service.log").read_text())
            raise
        yield process


def proxy_command(folder: Path, server: int) -> tuple[int, list[str]]:
    port = free_port()
    (folder / "wproxy.cfg").write_text(CONFIGURATION.format(folder=folder, port=port, server=server))
    return port, ["-Ws", "-f", str(folder / "wproxy.cfg"), "-p", str(folder / "pid")]


def worker_pid(folder: Path) -> int:
    answer = Stats(folder / "wproxy.sock").ask("show info")
    return next(int(line.split()[1]) for line in answer.splitlines() if line.startswith("Pid:"))


def next_worker_pid(folder: Path, before: int) -> int:
    """Return the next worker, once it answers; for a moment either of them may."""

    def found() -> int:
        pid = worker_pid(folder)
        return 0 if pid == before else pid

    return wait_for(found, 60.0, "the next worker")


def test_a_proxy_whose_loop_stands_still_is_not_alive(systemd: Systemd, tmp_path: Path) -> None:
    with named_server("a") as server:
        _, command = proxy_command(tmp_path, server)
        with service(systemd, tmp_path, *command) as master:
            for _ in range(3):
                assert systemd.next() == "WATCHDOG=1\n"
            master.send_signal(signal.SIGUSR2)
            before = worker_pid(tmp_path)
            worker = next_worker_pid(tmp_path, before)
            for _ in range(3):
                assert systemd.next() == "WATCHDOG=1\n"
            os.kill(worker, signal.SIGSTOP)
            try:
                wait_for(systemd.is_silent, 20.0, "silence, once the master has passed on what was said before")
            finally:
                os.kill(worker, signal.SIGCONT)
            assert systemd.next() == "WATCHDOG=1\n"


def test_the_unit_takes_the_masters_end_for_a_success(systemd: Systemd, tmp_path: Path) -> None:
    with named_server("a") as server:
        _, command = proxy_command(tmp_path, server)
        with service(systemd, tmp_path, *command) as master:
            master.terminate()
            assert str(master.wait(20.0)) in ("0", *unit("wproxy.service")["SuccessExitStatus"].split())


def test_a_process_that_finishes_is_not_what_has_to_be_alive(systemd: Systemd, tmp_path: Path) -> None:
    """Otherwise it would speak for the one that serves."""
    with named_server("a") as server, socket.create_server(("127.0.0.1", 0)) as silent:
        _, command = proxy_command(tmp_path, server)
        file = tmp_path / "wproxy.cfg"
        file.write_text(file.read_text().replace(f":{server}\n", f":{silent.getsockname()[1]}\n"))
        port = int(file.read_text().partition("bind 127.0.0.1:")[2].split()[0])
        with service(systemd, tmp_path, *command) as master, socket.create_connection(("127.0.0.1", port), 5.0):
            accepted, _ = silent.accept()
            old = worker_pid(tmp_path)
            master.send_signal(signal.SIGUSR2)
            log = tmp_path / "service.log"
            wait_for(lambda: "Reloaded: worker" in log.read_text(), 20.0, "the next worker serves")
            new = next_worker_pid(tmp_path, old)
            os.kill(new, signal.SIGSTOP)
            try:
                os.kill(old, 0)
                wait_for(systemd.is_silent, 20.0, "silence, once the old one knows that it is to finish")
            finally:
                os.kill(new, signal.SIGCONT)
                accepted.close()


def consumer_command(folder: Path, redis: int) -> list[str]:
    return ["consume", "--queue", f"spool://{folder}/spool", "--redis", f"127.0.0.1:{redis}"]


def test_a_consumer_is_alive_while_it_waits_for_redis(systemd: Systemd, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    with service(systemd, tmp_path, *consumer_command(tmp_path, free_port())):
        for _ in range(3):
            assert systemd.next() == "WATCHDOG=1\n"


def capture_command(folder: Path) -> list[str]:
    listen = f"127.0.0.1:{free_port()}"
    return ["capture", "--listen", listen, "--interface", "lo", "--queue", f"spool://{folder}/spool"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs CAP_NET_RAW")
def test_capture_is_alive(systemd: Systemd, tmp_path: Path) -> None:
    with service(systemd, tmp_path, *capture_command(tmp_path)) as process:
        for _ in range(3):
            assert systemd.next() == "WATCHDOG=1\n"
        os.kill(process.pid, signal.SIGSTOP)
        try:
            wait_for(systemd.is_silent, 20.0, "silence, once it has stopped")
        finally:
            os.kill(process.pid, signal.SIGCONT)


def filters(name: str) -> list[str]:
    """Return the lines `SystemCallFilter=` of a unit, in their order."""
    lines = (UNITS / name).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith("SystemCallFilter=")]


@pytest.mark.parametrize("name", ["wproxy.service", "wproxy-consume@.service", "wproxy-capture.service"])
def test_the_unit_allows_the_system_calls_that_are_made(systemd: Systemd, tmp_path: Path, name: str) -> None:
    """From start to end, work and a reload included; strace sees them, because there is no systemd to refuse them."""
    trace = tmp_path / "trace"
    (tmp_path / "spool").mkdir()
    with named_server("a") as server, redis_server(tmp_path) as redis:
        port, command = proxy_command(tmp_path, server)
        command = {"wproxy.service": command, "wproxy-consume@.service": consumer_command(tmp_path, redis)}.get(
            name, capture_command(tmp_path)
        )
        with service(systemd, tmp_path, *command, trace=trace) as tracer:
            own = int(Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split()[0])
            if name == "wproxy.service":
                assert ask_name(port) == "a"
                Stats(tmp_path / "wproxy.sock").ask("set weight main/a 50")
                before = worker_pid(tmp_path)
                os.kill(own, signal.SIGUSR2)
                next_worker_pid(tmp_path, before)
                assert ask_name(port) == "a"
            os.kill(own, signal.SIGTERM)
            tracer.wait(30.0)
    made = calls(trace)
    assert len(made) > 1000
    assert refused(made, filters(name)) == set()


def test_what_is_refused_is_seen() -> None:
    lines = ["@system-service", "~@privileged @resources"]
    assert refused([("read", ""), ("chroot", ""), ("mprotect", "0, 1, PROT_READ|PROT_EXEC")], lines) == {
        "chroot", "mprotect that is executable",
    }  # fmt: skip


def unit(name: str) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return parser["Service"]


@pytest.mark.parametrize("name", ["wproxy.service", "wproxy-consume@.service", "wproxy-capture.service"])
def test_the_unit_waits_for_what_the_program_tells(name: str) -> None:
    service = unit(name)
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) >= 10
    assert ("-Ws" in service["ExecStart"], service.get("NotifyAccess")) in ((True, "all"), (False, None))
