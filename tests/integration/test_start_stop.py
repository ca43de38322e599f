"""Starting and stopping the proxy as a service manager does it: sockets, pid files, signals, exit codes."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pids import alive
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, listening, redis_server, running
from tests.support.proxies import check_log, configuration, proxy
from tests.support.resp import Client
from tests.support.stats import Stats
from tests.support.tcp_server import accept, ask_name, connect, listening_socket, named_server, port_of, read_exactly
from tests.support.waiting import wait_for


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run wproxy on the file that `write` made, up to its end."""
    return subprocess.run(
        [*WPROXY, "-f", "wproxy.cfg", *options], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def write(folder: Path, port: int, *lines: str) -> None:
    (folder / "wproxy.cfg").write_text(configuration("wproxy", folder, port, *lines))


def is_free(port: int) -> bool:
    """Tell whether nobody listens on `port`, without a connection that would have to end, too."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    path = tmp_path / "in.sock"
    with (
        listening_socket() as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{port_of(server)}", f"bind {path}") as made,
    ):
        with connect(made.port) as client, accept(server) as served:
            assert made.stop(how) == 0
            assert client.recv(1) == b""
            assert served.recv(1) == b""
        assert not listening(made.port)
        assert not path.exists()
        assert not made.stats.path.exists()
        assert made.log == ""


@pytest.mark.parametrize("program", ["haproxy", "wproxy"])
def test_a_soft_stop_lets_live_sessions_finish(tmp_path: Path, program: str) -> None:
    with listening_socket() as server, proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(server)}") as made:
        with connect(made.port) as client, accept(server) as served:
            made.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: is_free(made.port), what="it accepts no more")
            client.sendall(b"still")
            assert read_exactly(served, 5) == b"still"
            served.sendall(b"here")
            assert read_exactly(client, 4) == b"here"
            assert made.process.poll() is None
        assert made.process.wait(10.0) == 0


def test_a_soft_stop_without_sessions_ends_at_once(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "server s 127.0.0.1:1") as made:
        assert made.stop(signal.SIGUSR1) == 0


def test_a_soft_stop_of_mode_redis(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as port,
        proxy("wproxy", tmp_path, "balance key", f"server s 127.0.0.1:{port}", mode="redis") as made,
    ):
        with Client(made.port) as client:
            assert client.ask("SET", "k", "v") == b"OK"
            made.process.send_signal(signal.SIGUSR1)
            wait_for(lambda: is_free(made.port), what="it accepts no more")
            assert "Stopping: 1" in made.stats.ask("show info")
            assert client.ask("GET", "k") == b"v"
        assert made.process.wait(10.0) == 0


def test_a_second_signal_ends_a_soft_stop(tmp_path: Path) -> None:
    with (
        listening_socket() as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{port_of(server)}") as made,
        connect(made.port),
        accept(server),
    ):
        made.process.send_signal(signal.SIGUSR1)
        wait_for(lambda: is_free(made.port), what="it accepts no more")
        assert made.stop() == 0


@pytest.fixture
def background(tmp_path: Path) -> Iterator[Path]:
    """The pid file of a proxy that a test sends to the background; whatever happens, the proxy ends."""
    file = tmp_path / "wproxy.pid"
    yield file
    if file.exists() and alive(int(file.read_text())):
        os.kill(int(file.read_text()), signal.SIGKILL)


@pytest.mark.parametrize("in_file", [False, True])
def test_it_goes_to_the_background_and_can_be_stopped(tmp_path: Path, background: Path, in_file: bool) -> None:
    port = free_port()
    with named_server("s") as s:
        write(tmp_path, port, f"server s 127.0.0.1:{s}")
        if in_file:
            file = tmp_path / "wproxy.cfg"
            file.write_text(file.read_text().replace("global\n", f"global\n    daemon\n    pidfile {background}\n", 1))
        options = () if in_file else ("-D", "-p", str(background))
        done = run(tmp_path, *options)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert ask_name(port) == "s"  # nobody needs to wait for it
        pid = int(background.read_text())
        assert f"Pid: {pid}" in Stats(tmp_path / "wproxy.sock").ask("show info")
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), what="its end")
        assert not listening(port)


def test_in_the_foreground_a_pid_file_is_written_too(tmp_path: Path) -> None:
    write(tmp_path, free_port(), "server s 127.0.0.1:1")
    with subprocess.Popen([*WPROXY, "-f", "wproxy.cfg", "-d", "-D", "-p", "pid"], cwd=tmp_path) as process:
        try:
            wait_for(Stats(tmp_path / "wproxy.sock").answers, START_TIMEOUT_S)
            # It is the last thing to be done: until then there may be an empty file.
            wait_for(lambda: (tmp_path / "pid").read_text() == f"{process.pid}\n", what="its pid file")
        finally:
            process.terminate()
        assert process.wait(10.0) == 0


def test_a_socket_left_behind_by_a_crash_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "in.sock"
    with named_server("s") as s:
        lines = f"server s 127.0.0.1:{s}", f"bind {path}"
        with proxy("wproxy", tmp_path, *lines) as made:
            made.process.kill()
            made.process.wait()
            assert path.is_socket()
            assert made.stats.path.is_socket()
            with proxy("wproxy", tmp_path, *lines), socket.socket(socket.AF_UNIX) as client:
                client.settimeout(10.0)
                client.connect(str(path))
                assert client.recv(1) == b"s"
            made.process.returncode = 0  # that was the plan


@pytest.mark.parametrize(
    ("setting", "mode"), [("mode 600", 0o600), ("mode 660", 0o660), ("user nobody mode 640", 0o640)]
)
def test_the_stats_socket_has_the_permissions_it_was_given(tmp_path: Path, setting: str, mode: int) -> None:
    extra = f"global\n    stats socket {tmp_path}/extra.sock {setting} level user"
    with proxy("wproxy", tmp_path, "server s 127.0.0.1:1", rest=extra):
        found = (tmp_path / "extra.sock").stat()
        assert stat.S_IMODE(found.st_mode) == mode
        assert (found.st_uid != 0) == ("nobody" in setting)
        assert Stats(tmp_path / "extra.sock").ask("disable server main/s") == "Permission denied\n\n"


def test_two_proxies_on_one_port(tmp_path: Path) -> None:
    with named_server("s") as s, proxy("wproxy", tmp_path, f"server s 127.0.0.1:{s}") as made:
        (tmp_path / "second").mkdir()
        write(tmp_path / "second", made.port, f"server s 127.0.0.1:{s}")
        second = run(tmp_path / "second")
        assert second.returncode == 1
        (line,) = second.stderr.splitlines()
        assert line.endswith(
            f"[wproxy.cfg:9] : frontend 'main': cannot listen on 127.0.0.1:{made.port}: address already in use"
        )
        assert not (tmp_path / "second" / "wproxy.sock").exists()
        assert ask_name(made.port) == "s"


def test_a_stats_socket_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with proxy("wproxy", tmp_path, "server s 127.0.0.1:1") as made:
        write(tmp_path, free_port(), "server s 127.0.0.1:1")
        second = run(tmp_path)
        assert second.returncode == 1
        (line,) = second.stderr.splitlines()
        assert "stats socket: cannot listen on" in line
        assert "address already in use" in line
        assert "Pid: " in made.stats.ask("show info")
        check_log(made.log)


def test_fewer_open_files_than_maxconn_needs_are_a_warning_and_a_limit(tmp_path: Path) -> None:
    port = free_port()
    write(tmp_path, port, "server s 127.0.0.1:1")
    file = tmp_path / "wproxy.cfg"
    file.write_text(file.read_text() + "\nglobal\n    no strict-limits\n")
    command = ["sh", "-c", 'ulimit -n 300; exec "$@"', "sh", *WPROXY, "-f", "wproxy.cfg", "-n", "4000"]
    with running(command, tmp_path, "wproxy"):
        stats = Stats(tmp_path / "wproxy.sock")
        wait_for(stats.answers, START_TIMEOUT_S, "it serves")
        maxconn = re.search(r"Maxconn: (\d+)\n", stats.ask("show info"))
        log = (tmp_path / "wproxy.log").read_text()
        told = re.search(r"maxconn 4000 needs (80\d\d) open files and the limit is 300: no more than (\d+) ", log)
        assert told is not None, log
        assert int(told[2]) == (300 - int(told[1]) + 8000) // 2
        assert maxconn is not None
        assert maxconn[1] == told[2]
