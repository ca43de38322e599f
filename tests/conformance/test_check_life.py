"""The notices of a server's life, in order: one check after the other on HAProxy and on wproxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.check_server import Script, check_server
from tests.support.log_lines import steady
from tests.support.programs import free_port, redis_server, running, wait_until_listening
from tests.support.proxies import proxy
from tests.support.waiting import wait_for

OK, MISSING, ERROR = (
    Script((f"HTTP/1.0 {status} X\r\nContent-Length: 0\r\n\r\n".encode(),)) for status in (200, 404, 500)
)
EMPTY = Script((b"",))
CHECKS = "check inter 60ms fastinter 30ms downinter 90ms rise 2 fall 3"

LIVES = {
    "up and down": [OK, OK, ERROR, OK, ERROR, ERROR, ERROR, ERROR, OK, ERROR, OK, OK, OK, ERROR, EMPTY, ERROR, ERROR],
    "disable-on-404": [OK, OK, MISSING, MISSING, OK, MISSING, ERROR, MISSING, *[ERROR] * 3, *[MISSING] * 3, OK, OK, OK],
    "first fails": [ERROR, OK, OK],
}
OPTIONS = {"told": ["option log-health-checks"], "not told": []}


def notices(log: str) -> list[str]:
    lines = re.findall(r"\[(?:WARNING|ALERT)\] +\(\d+\) : ((?:Server|Health check|Agent check|proxy) .*)", log)
    return [steady(line) for line in lines]


def life(program: str, folder: Path, scripts: list[Script], lines: list[str]) -> list[str]:
    with check_server(*scripts) as server:
        # A check may take longer than its interval: on a busy machine an answer that is late is no timeout.
        options = ["option httpchk", "http-check disable-on-404", "timeout check 5s", *lines]
        with proxy(program, folder, *options, f"server a 127.0.0.1:{server.port} {CHECKS}") as made:
            wait_for(lambda: len(server.questions) > len(scripts) + 1, 20.0)
            return notices(made.log)


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", LIVES)
def test_notices_of_a_life(name: str, option: str, tmp_path: Path) -> None:
    theirs = life("haproxy", tmp_path, LIVES[name], OPTIONS[option])
    assert theirs
    assert life("wproxy", tmp_path, LIVES[name], OPTIONS[option]) == theirs


PATIENT = "timeout check 5s"  # an answer that is late on a busy machine is none of a timeout's


def checked(
    program: str, folder: Path, port: int, *lines: str, check: str = "check inter 100ms", patience: str = PATIENT
) -> dict[str, str]:
    """Return what `show stat` says of a server on `port` that has been checked."""
    with proxy(program, folder, patience, *lines, f"server a 127.0.0.1:{port} {check} rise 1 fall 1") as made:
        columns = "status", "check_status", "check_code", "last_chk", "check_desc"

        def settled() -> dict[str, str] | None:
            row = made.stats.row("a")
            known = row["check_status"] != "INI" and not row["check_status"].startswith("*")
            return {column: row[column] for column in columns} if known else None

        row = wait_for(settled, pause_s=0.02)
        assert row is not None
        return row


def test_a_real_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as port:
        ours, theirs = (checked(program, tmp_path, port, "option redis-check") for program in ("wproxy", "haproxy"))
    assert ours == theirs
    assert ours["last_chk"] == "Redis server is ok"


def test_a_redis_that_wants_a_password_says_so_where_haproxy_says_timeout(tmp_path: Path) -> None:
    with redis_server(tmp_path, None, "--requirepass", "secret") as port:
        theirs = checked("haproxy", tmp_path, port, "option redis-check", patience="")
        assert theirs["check_desc"] == "Layer7 timeout"
        ours = checked("wproxy", tmp_path, port, "option redis-check")
    assert (ours["status"], ours["check_status"]) == ("DOWN", "L7STS")
    assert ours["last_chk"] == "needs a password: -NOAUTH Authentication required."
    assert 'info: "needs a password: -NOAUTH' in (tmp_path / "wproxy.log").read_text()


def test_a_redis_that_wants_a_password_gets_it_by_tcp_check(tmp_path: Path) -> None:
    lines = (
        "option tcp-check",
        r"tcp-check send AUTH\ secret\r\n",
        "tcp-check expect string +OK",
        r"tcp-check send info\ replication\r\n",
        "tcp-check expect string role:master",
    )
    with redis_server(tmp_path, None, "--requirepass", "secret") as port:
        ours, theirs = (checked(program, tmp_path, port, *lines) for program in ("wproxy", "haproxy"))
    assert ours == theirs
    assert ours["check_status"] == "L7OK"


@contextmanager
def web_server(folder: Path) -> Iterator[int]:
    """Run Python's own web server on a folder with one file."""
    port, site = free_port(), folder / "site"
    site.mkdir(exist_ok=True)
    (site / "alive").write_text("yes, all is well")
    command = ["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(site)]
    with running(command, folder, "web") as process:
        wait_until_listening(process, port, folder / "web.log")
        yield port


@pytest.mark.parametrize(
    "lines",
    [
        ("option httpchk",),
        ("option httpchk GET /alive",),
        ("option httpchk GET /dead",),
        ("option httpchk GET /dead", "http-check disable-on-404"),
        ("option httpchk GET /alive HTTP/1.1", "http-check send hdr Host www", "http-check expect rstring all.*well"),
        ("option httpchk GET /alive", "http-check expect ! string well"),
    ],
)
def test_a_real_web_server(lines: tuple[str, ...], tmp_path: Path) -> None:
    with web_server(tmp_path) as port:
        ours, theirs = (checked(program, tmp_path, port, *lines) for program in ("wproxy", "haproxy"))
    assert ours == theirs


@pytest.mark.parametrize("place", ["port {port}", "addr 127.0.0.1 port {port}"])
def test_another_port_is_checked(place: str, tmp_path: Path) -> None:
    with check_server(Script(end="hold")) as server:
        check = f"check inter 100ms {place.format(port=server.port)}"
        ours, theirs = (checked(program, tmp_path, 1, check=check) for program in ("wproxy", "haproxy"))
    assert ours == theirs
    assert ours["check_status"] == "L4OK"
