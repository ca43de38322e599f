"""Programs written for HAProxy, unchanged, on HAProxy's stats socket and on wproxy's: they see and do the same."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import free_port, need, running
from tests.support.proxies import Proxy, proxy
from tests.support.pty import type_in_terminal
from tests.support.tcp_server import listening_socket, port_of
from tests.support.waiting import wait_for

REST = """
global
    node n1
    description some text
    maxconn 200
frontend in
    mode tcp
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server x 127.0.0.1:{up} weight 9
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Proxy]]:
    """HAProxy and wproxy on the same configuration."""
    with ExitStack() as running_now:
        up = port_of(running_now.enter_context(listening_socket()))
        lines = (
            f"server a 127.0.0.1:{up} weight 30 check inter 24h",
            f"server b 127.0.0.1:{up} weight 70 maxconn 5",
            f"server c 127.0.0.1:{up} disabled",
        )
        made = []
        for program in ("haproxy", "wproxy"):
            folder = tmp_path_factory.mktemp(program)
            rest = REST.format(port=free_port(), up=up)
            made.append(running_now.enter_context(proxy(program, folder, *lines, rest=rest)))
        for each in made:
            wait_for(lambda each=each: each.stats.row("a")["check_status"] == "L4OK", what="a checked")  # type: ignore[misc]
        yield made[0], made[1]


# -- haproxyadmin 0.2.4 --------------------------------------------------------------------------------------------


def outcome(call: Any, *arguments: Any) -> str:
    """Return what a call returned, or which exception it ended in."""
    try:
        return repr(call(*arguments))
    except Exception as error:  # noqa: BLE001 - the library's own and Python's: what counts is that both proxies cause it
        return type(error).__name__


def kinds(party: Any, metrics: list[str]) -> dict[str, str]:
    """Return the type of each metric's value; the values themselves count time and traffic."""
    return {name: re.sub(r"[0-9.]+|'[^']*'", "value", outcome(party.metric, name)) for name in metrics}


def drive_haproxyadmin(made: Proxy) -> list[Any]:
    from haproxyadmin import backend, frontend, haproxy, server

    admin = haproxy.HAProxy(socket_file=str(made.stats.path))
    seen: list[Any] = [
        (admin.nodename, admin.description, admin.maxconn, len(admin.processids)),
        kinds(admin, sorted(haproxy.HAPROXY_METRICS)),
    ]
    for front in admin.frontends():
        seen.append((front.name, front.status, front.maxconn, front.iid, front.process_nb))
        seen.append(kinds(front, frontend.FRONTEND_METRICS))
        changes = (front.disable, front.enable, lambda front=front: front.setmaxconn(77))
        seen += [(outcome(change), front.status, front.maxconn) for change in changes]
    for back in admin.backends():
        seen += [(back.name, back.status, back.iid), kinds(back, backend.BACKEND_METRICS)]
        for each in back.servers():
            seen.append((each.name, each.status, each.weight, each.address, each.check_status, each.sid))
            seen.append(kinds(each, server.SERVER_METRICS))
    one = admin.server("a", backend="main")[0]
    for weight in (5, "50%", 300, "x"):
        seen.append((outcome(one.setweight, weight), one.weight))
    for state in ("drain", "maint", "ready", "nonsense"):
        seen.append((outcome(one.setstate, state), one.status))
    for name, value in (("address", "127.0.0.9"), ("address", "nonsense"), ("address", "127.0.0.1")):
        seen.append((outcome(setattr, one, name, value), one.address))
    seen.append(outcome(one.shutdown))
    for limit in (admin.setratelimitconn, admin.setratelimitsess, admin.setratelimitsslsess, admin.setmaxconn):
        seen.append(outcome(limit, 100))
    seen.append((admin.maxconn, admin.ratelimitconn, admin.ratelimitsess, admin.ratelimitsslsess))
    for limit in (admin.setratelimitconn, admin.setratelimitsess, admin.setratelimitsslsess):
        seen.append(outcome(limit, 0))
    seen += [outcome(admin.clearcounters), outcome(admin.clearcounters, True)]
    seen.append(re.sub(r"\[.*?\]", "[time]", outcome(admin.errors)))
    for call, arguments in (
        (admin.show_acl, ("nope",)), (admin.get_acl, ("nope", "x")), (admin.add_acl, ("nope", "x")),
        (admin.del_acl, ("nope", "x")), (admin.clear_acl, ("nope",)), (admin.show_map, ()), (admin.show_map, (99,)),
        (admin.get_map, ("nope", "x")), (admin.add_map, ("nope", "x", "y")), (admin.set_map, ("nope", "x", "y")),
        (admin.del_map, ("nope", "x")), (admin.clear_map, ("nope",)),
    ):  # fmt: skip
        seen.append((call.__name__, outcome(call, *arguments)))
    assert admin.show_acl()[0] == "# id (file) description"  # HAProxy has two of its own
    return seen


def test_haproxyadmin(pair: tuple[Proxy, Proxy]) -> None:
    theirs, mine = (drive_haproxyadmin(made) for made in pair)
    assert len(mine) == len(theirs) > 30
    for ours, haproxys in zip(mine, theirs, strict=True):
        assert ours == haproxys


# -- haproxy-cli 0.7.2 ---------------------------------------------------------------------------------------------


CLI_COMMANDS = (
    "frontends",
    "backends",
    "servers -b main",
    "get-weight -b main -s a",
    "set-weight -b main -s a -w 11",
    "get-weight -b main -s a",
    "disable -b main -s b",
    "servers -b main",
    "enable -b main -s b",
    "set-weight -b main -s a -w 30",
    "get-weight -b main -s nobody",
)


def haproxy_cli(made: Proxy, command: str) -> tuple[int, str, str]:
    """Run one command; return its exit code, output and errors."""
    program = Path(sys.executable).parent / "haproxy-cli"
    if not program.exists():
        pytest.fail("haproxy-cli is not installed: make venv")
    arguments = ["-k", str(made.stats.path), "-c", *command.split()]
    done = subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def test_haproxy_cli(pair: tuple[Proxy, Proxy]) -> None:
    for command in CLI_COMMANDS:
        theirs, mine = (haproxy_cli(made, command) for made in pair)
        assert mine == theirs, command


def test_haproxy_cli_reads_info_and_sessions(pair: tuple[Proxy, Proxy]) -> None:
    for made in pair:
        for command in ("info", "sessions"):
            code, _, errors = haproxy_cli(made, command)
            assert (code, errors) == (0, "")


# -- hatop 0.8.2 ---------------------------------------------------------------------------------------------------


def test_hatop_draws_and_quits(pair: tuple[Proxy, Proxy]) -> None:
    hatop = need("hatop")
    drawings = []
    for made in pair:
        code, drawn = type_in_terminal([hatop, "-s", str(made.stats.path)], "Q=QUIT", b"q")
        assert code == 0, drawn
        text = re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]|\s+", " ", drawn)
        for expected in ("HATop version", "Node: n1", ">>> main", ">>> in", ">>> out", "FRONTEND", "MAINT"):
            assert expected in text
        drawings.append(re.findall(r"Services: +\d+|Proxies: +\d+", text))
    assert drawings[1] == drawings[0]


# -- the Prometheus exporter ---------------------------------------------------------------------------------------


def metrics(made: Proxy) -> set[str]:
    """Return the names and labels that the exporter makes of the proxy's statistics."""
    port = free_port()
    command = [
        need("prometheus-haproxy-exporter"),
        f"--web.listen-address=127.0.0.1:{port}",
        f"--haproxy.scrape-uri=unix:{made.stats.path}",
    ]
    page = ""

    def scraped() -> bool:
        nonlocal page
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                page = answer.read().decode()
        except urllib.error.URLError:
            return False
        return True

    with running(command, made.folder, "exporter"):
        wait_for(scraped, what="the exporter answers")
    assert "haproxy_up 1" in page
    assert "haproxy_exporter_csv_parse_failures_total 0" in page
    names = {line.rpartition(" ")[0] for line in page.splitlines() if line.startswith("haproxy_")}
    return {re.sub(r"haproxy_version_info.*", "haproxy_version_info", name) for name in names}


def test_prometheus_exporter(pair: tuple[Proxy, Proxy]) -> None:
    theirs, mine = (metrics(made) for made in pair)
    assert mine == theirs


# -- Datadog's check -----------------------------------------------------------------------------------------------


def test_the_question_of_datadogs_check(pair: tuple[Proxy, Proxy]) -> None:
    """Both answers on one connection, two parts between empty lines, one colon in each line of the first."""
    for made in pair:
        info, stat, end = made.stats.ask("show info;show stat\r").split("\n\n")
        assert end == ""
        names = []
        for line in info.splitlines():
            name, colon, value = line.partition(":")
            assert colon, line
            names.append(name)
            if name == "Uptime_sec":
                assert int(value) >= 0
                break
            assert ":" not in value, line
        assert names[0] == "Name"
        assert stat.startswith("# pxname,svname,")
