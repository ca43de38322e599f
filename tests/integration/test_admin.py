"""`wproxy weight`, `server` and `show` as a user runs them, on the stats sockets of HAProxy and of wproxy."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.support.programs import WPROXY, free_port, haproxy, need, need_root, wproxy
from tests.support.pty import run_in_terminal

CONFIGURATION = """
global
    stats socket {folder}/admin.sock mode 600 level admin
    stats socket {folder}/user.sock mode 600 level user
    stats socket 127.0.0.1:{tcp} level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen redis
    bind 127.0.0.1:{port}
    balance roundrobin
    server redisA 127.0.0.1:1 weight 50
    server redisB 127.0.0.1:2 weight 50
backend other
    server redisB 127.0.0.1:2
"""
# Only HAProxy refuses to weigh a hash; wproxy has no such algorithm yet.
HASHED = """
backend hashed
    balance source
    server only 127.0.0.1:3 weight 10
"""

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def tcp_port() -> int:
    return free_port()


@pytest.fixture(params=["haproxy", "wproxy"])
def run(request: pytest.FixtureRequest, tmp_path: Path, tcp_port: int) -> Iterator[Run]:
    """Run a `wproxy` command line against a proxy of the test's own: the same tests hold on both."""
    start = {"haproxy": haproxy, "wproxy": wproxy}[request.param]
    port = free_port()
    with start(tmp_path, CONFIGURATION.format(folder=tmp_path, tcp=tcp_port, port=port), port):
        yield lambda *arguments, **options: command(*arguments, **{"socket_path": tmp_path / "admin.sock", **options})


def command(*arguments: str, socket_path: object = None, **env: str) -> CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "WPROXY_SOCKET"}
    if socket_path is not None:
        environment["WPROXY_SOCKET"] = str(socket_path)
    return subprocess.run(
        [*WPROXY, *arguments], env={**environment, **env}, capture_output=True, text=True, timeout=30, check=False
    )


def the_line(finished: CompletedProcess[str], code: int) -> str:
    """Return the one line on standard error of a command that ended with `code`."""
    assert (finished.returncode, finished.stdout) == (code, ""), finished
    (line,) = finished.stderr.splitlines()
    assert line.startswith("wproxy: ")
    return line.removeprefix("wproxy: ")


def test_setting_a_weight_says_what_changed(run: Run) -> None:
    assert run("weight", "set", "redisA", "30").stdout == "redisA 50 → 30, share 50.0 % → 37.5 %\n"
    assert run("weight", "set", "redis/redisB", "70").stdout == "redisB 50 → 70, share 62.5 % → 70.0 %\n"
    assert run("weight", "get", "redisA").stdout.splitlines() == [
        "server        weight  initial   share  status",
        "redis/redisA      30       50  30.0 %  no check",
    ]


def test_a_percentage_is_of_the_configured_weight(run: Run) -> None:
    document = json.loads(run("weight", "set", "redisA", "10%", "--json").stdout)
    assert document["weight"] == {"before": 50, "after": 5}
    assert document["share"]["after"] == pytest.approx(5 / 55)


def test_every_command_that_prints_data_prints_json(run: Run) -> None:
    weights = json.loads(run("weight", "get", "--json").stdout)
    assert [(row["backend"], row["server"], row["weight"], row["initial"], row["share"]) for row in weights] == [
        ("redis", "redisA", 50, 50, 0.5),
        ("redis", "redisB", 50, 50, 0.5),
        ("other", "redisB", 1, 1, 1.0),
    ]
    (server,) = json.loads(run("server", "list", "redisA", "--json").stdout)
    assert (server["address"], server["status"], server["backup"]) == ("127.0.0.1:1", "no check", False)
    statistics = json.loads(run("show", "stat", "--json").stdout)
    assert {(row["pxname"], row["svname"]) for row in statistics} >= {("redis", "FRONTEND"), ("redis", "BACKEND")}
    assert json.loads(run("show", "info", "--json").stdout)["Name"] == "HAProxy"


def test_servers_leave_and_come_back(run: Run) -> None:
    assert run("server", "drain", "redisA").stdout == "redisA no check → DRAIN\n"
    assert run("weight", "get", "redis/redisB").stdout.splitlines()[1].split()[3:5] == ["100.0", "%"]
    assert run("server", "disable", "redisA").stdout == "redisA DRAIN → MAINT\n"
    assert run("weight", "set", "redisA", "9").stdout.endswith("(gets nothing now: MAINT)\n")
    assert json.loads(run("server", "enable", "redisA", "--json").stdout) == {
        "backend": "redis",
        "server": "redisA",
        "status": {"before": "MAINT", "after": "no check"},
    }


def test_tables_in_a_pipe_are_plain_aligned_text(run: Run) -> None:
    heading, *rows = run("server", "list").stdout.splitlines()
    assert heading.split() == ["server", "address", "status", "since", "weight", "share", "sessions", "total"]
    assert [row.split()[0] for row in rows] == ["redis/redisA", "redis/redisB", "other/redisB"]
    assert all(row.isascii() for row in rows)
    assert run("show", "stat").stdout.splitlines()[1].split()[:3] == ["redis", "FRONTEND", "OPEN"]
    assert run("show", "info").stdout.splitlines()[1].split() == ["Name", "HAProxy"]


def test_a_terminal_gets_a_drawn_table(run: Run, tmp_path: Path) -> None:
    code, drawn = run_in_terminal([*WPROXY, "weight", "get", "--socket", str(tmp_path / "admin.sock")])
    assert code == 0
    assert "redis/redisA" in drawn
    assert "─" in drawn


def test_the_socket_may_be_named_at_the_group_at_the_command_and_over_tcp(
    run: Run, tmp_path: Path, tcp_port: int
) -> None:
    address = f"127.0.0.1:{tcp_port}"
    for arguments in (
        ("weight", "--socket", address, "get"),
        ("weight", "get", "--socket", address),
        ("weight", "--socket", str(tmp_path / "absent"), "get", "--socket", str(tmp_path / "admin.sock")),
    ):
        assert run(*arguments, socket_path=tmp_path / "absent").returncode == 0


def test_what_the_proxy_refuses_is_exit_code_1_in_its_words(run: Run, tmp_path: Path) -> None:
    assert "Permission denied" in the_line(run("weight", "set", "redisA", "5", socket_path=tmp_path / "user.sock"), 1)
    assert "no such server: redisC; did you mean" in the_line(run("server", "drain", "redisC"), 1)


def test_a_refusal_that_only_the_proxy_can_know_is_passed_on(tmp_path: Path, tcp_port: int) -> None:
    port = free_port()
    with haproxy(tmp_path, CONFIGURATION.format(folder=tmp_path, tcp=tcp_port, port=port) + HASHED, port):
        refused = command("weight", "set", "only", "5", socket_path=tmp_path / "admin.sock")
    assert "static LB algorithm" in the_line(refused, 1)


@pytest.mark.parametrize("weight", ["257", "-1", "many"])
def test_a_weight_that_is_none_is_usage_and_asks_nobody(weight: str, tmp_path: Path) -> None:
    line = the_line(command("weight", "set", "redisA", weight, socket_path=tmp_path / "absent"), 2)
    assert line.startswith(f"'{weight}' is no weight: 0 to 256")


def test_an_ambiguous_name_is_usage_and_lists_the_candidates(run: Run) -> None:
    line = the_line(run("weight", "set", "redisB", "5"), 2)
    assert "backend/server: redis/redisB, other/redisB" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("weight",), "Missing command"),
        (("weight", "put"), "No such command 'put'"),
        (("weight", "set", "redisA"), "'redisA' has no weight"),
        (("server", "list", "--jsn"), "No such option '--jsn'"),
        (("weight", "get", "--socket", "host:port"), "is no stats socket"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_one_line(arguments: tuple[str, ...], says: str) -> None:
    assert says in the_line(command(*arguments), 2)


def test_an_absent_socket_is_exit_code_3(tmp_path: Path) -> None:
    assert "is the proxy running" in the_line(command("show", "info", socket_path=tmp_path / "absent"), 3)


def test_a_socket_that_nobody_listens_on_is_exit_code_3(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "old.sock"))
    assert "no proxy listens there" in the_line(command("show", "info", socket_path=tmp_path / "old.sock"), 3)
    assert "no proxy listens there" in the_line(command("show", "info", socket_path=f"127.0.0.1:{free_port()}"), 3)


def test_a_socket_that_is_not_permitted_is_exit_code_3(tmp_path: Path) -> None:
    need_root("give a folder to somebody else")
    path = tmp_path / "locked" / "admin.sock"
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        os.chown(path.parent, 65534, 65534)
        # Root without the right to overrule file modes stands for any user.
        powerless = [need("setpriv"), "--inh-caps", "-all", "--bounding-set", "-all"]
        finished = subprocess.run(
            [*powerless, *WPROXY, "show", "info", "--socket", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    assert the_line(finished, 3).startswith(f"not permitted to open {path}: use sudo")


@contextmanager
def answering(path: Path, answer: bytes, *, hold: bool = False) -> Iterator[None]:
    """Listen on `path`; give the first client `answer` and, unless `hold`, the end of the connection."""
    done = threading.Event()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)
                if hold:
                    done.wait(30)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def test_a_proxy_that_hangs_is_exit_code_3_in_bounded_time(tmp_path: Path) -> None:
    with answering(tmp_path / "hangs.sock", b"# pxname,", hold=True):
        line = the_line(command("show", "stat", socket_path=tmp_path / "hangs.sock"), 3)
    assert "within 5 s" in line


def test_a_connection_closed_without_an_answer_is_exit_code_3(tmp_path: Path) -> None:
    with answering(tmp_path / "closes.sock", b""):
        assert "closed the connection without an answer" in the_line(
            command("weight", "get", socket_path=tmp_path / "closes.sock"), 3
        )


def test_an_answer_that_is_no_statistics_is_refused_in_one_line(tmp_path: Path) -> None:
    with answering(tmp_path / "other.sock", b"HTTP/1.1 400 Bad Request\r\n\r\n<html>\r\n"):
        line = the_line(command("show", "stat", socket_path=tmp_path / "other.sock"), 1)
    assert line == "the proxy refused: HTTP/1.1 400 Bad Request"


def test_a_reader_that_leaves_early_gets_no_traceback(run: Run, tmp_path: Path) -> None:
    finished = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m wproxy show stat --json | true', WPROXY[0]],
        env={**os.environ, "WPROXY_SOCKET": str(tmp_path / "admin.sock")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (finished.returncode, finished.stderr) == (0, "")
