"""Log lines as a whole: headers, levels, options and notices, the same on HAProxy and on wproxy but for times."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.log_lines import steady
from tests.support.logging_proxy import Scene, scene
from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.stats import Stats
from tests.support.syslog import udp_log_server, unix_log_server
from tests.support.tcp_server import accept, ask_name, connect, named_server, read_all
from tests.support.waiting import wait_for


def on_both(run: Callable[[str], list[str]]) -> None:
    """Fail when the two programs do not log the same, or nothing at all."""
    lines = run("wproxy")
    assert lines
    assert lines == run("haproxy")


def serve(stage: Scene) -> None:
    """Pass one connection."""
    client, served = stage.talk()
    client.close()
    assert read_all(served) == b""
    served.close()


def lines_of(stage: Scene, count: int) -> list[str]:
    return [steady(line, pid=stage.proxy.process.pid) for line in stage.logged(count)]


def steer(stage: Scene) -> None:
    """Have the server and the frontend changed by an administrator."""
    for state in ("maint", "ready", "drain", "ready"):
        stage.proxy.stats.ask(f"set server main/s state {state}")
    stage.proxy.stats.ask("disable frontend main")
    stage.proxy.stats.ask("enable frontend main")


HEADERS = {
    "default": "",
    **{name: f"format {name}" for name in ("local", "rfc3164", "rfc5424", "priority", "short", "timed", "iso", "raw")},
    "length": "len 82",
    "length and format": "len 90 format rfc5424",
}


@pytest.mark.parametrize("options", HEADERS.values(), ids=HEADERS)
def test_headers(tmp_path: Path, options: str) -> None:
    def run(program: str) -> list[str]:
        lines = f"log {{log}} {options} local3", "log-tag tagged", "option tcplog", "server s {up}"
        with scene(program, tmp_path, *lines) as stage:
            serve(stage)
            stage.logged()
            steer(stage)
            return lines_of(stage, 9)

    on_both(run)


def test_levels(tmp_path: Path) -> None:
    def run(program: str) -> list[str]:
        lines = (
            "log {log} local0 alert",
            "log {log} format short daemon debug err",
            "log {log} format short daemon info warning",
            "option tcplog",
            "server s {up}",
        )
        with scene(program, tmp_path, *lines, "log-tag t") as stage:
            serve(stage)
            stage.logged(2)
            steer(stage)
            return lines_of(stage, 20)

    on_both(run)


OPTIONS = {
    "default format": ((), 3),
    "dontlognull": (("option tcplog", "option dontlognull"), 2),
    "dontlog-normal": (("option tcplog", "option dontlog-normal"), 1),
    "log-separate-errors": (("option tcplog", "option log-separate-errors"), 3),
    "logasap": (("option tcplog", "option logasap"), 3),
    "httplog in mode tcp": (("option httplog",), 3),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options(tmp_path: Path, name: str) -> None:
    """Of three connections one passes, one says nothing, one is too slow."""
    lines, count = OPTIONS[name]

    def run(program: str) -> list[str]:
        usual = "log {log} local3", "log-tag t", "server s {up}", "timeout client 200ms"
        with scene(program, tmp_path, *usual, *lines) as stage:
            serve(stage)
            stage.proxy.stats.wait_until_idle()
            with connect(stage.proxy.port) as client, accept(stage.listening) as served:
                served.sendall(b"hello")
                served.shutdown(1)
                assert read_all(client) == b"hello"
            stage.proxy.stats.wait_until_idle()
            client, served = stage.talk()
            assert read_all(served) == b""
            served.close()
            assert read_all(client) == b""
            client.close()
            stage.proxy.stats.wait_until_idle()
            lines_of(stage, count)
            return lines_of(stage, len(stage.log.receive()))

    on_both(run)


def test_checks(tmp_path: Path) -> None:
    def run(program: str, option: str) -> list[str]:
        port = free_port()
        server = f"server s 127.0.0.1:{port} check inter 50ms rise 2 fall 2"
        with scene(program, tmp_path, "log {log} local3", "log-tag t", server, option) as stage:
            stage.proxy.stats.wait_for_status("s", "DOWN")
            with named_server("s", port):
                stage.log.wait_for("is UP")
            stage.log.wait_for("no server available", 2)
            return lines_of(stage, len(stage.log.lines))

    on_both(lambda program: run(program, ""))
    on_both(lambda program: run(program, "option log-health-checks"))


def test_the_frontend_logs_connections_and_the_backend_its_servers(tmp_path: Path) -> None:
    def run(program: str) -> list[str]:
        with udp_log_server() as front, udp_log_server() as back, named_server("x") as up:
            rest = f"backend other\n log {back.target} format raw local0\n server s 127.0.0.1:{up}\n"
            lines = f"log {front.target} format short local3", "option tcplog", "default_backend other"
            with proxy(program, tmp_path, *lines, rest=rest) as made:
                assert ask_name(made.port) == "x"
                front.wait_for("other/s")
                made.stats.ask("set server other/s state maint")
                found = [*front.wait_for("other/s"), *back.wait_for("", 2)]
                assert len(front.receive()) == 1
                return [steady(line, pid=made.process.pid) for line in found]

    on_both(run)


@pytest.mark.parametrize("option", ["", "option tcplog"])
def test_a_client_of_a_unix_socket_and_one_of_ipv6(tmp_path: Path, option: str) -> None:
    def run(program: str) -> list[str]:
        port = free_port("::1")
        binds = "bind {folder}/front.sock", f"bind :::{port}"
        with scene(program, tmp_path, "log {log} local3", "log-tag t", *binds, option, "server s {up}") as stage:
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(tmp_path / "front.sock"))
                accept(stage.listening).close()
                assert read_all(client) == b""
            stage.logged()
            with connect(port, "::1") as client:
                accept(stage.listening).close()
                assert read_all(client) == b""
            return lines_of(stage, 2)

    on_both(run)


def test_to_a_unix_socket_and_to_stdout(tmp_path: Path) -> None:
    def run(program: str) -> list[str]:
        lines = f"log {tmp_path}/log.sock local3", "log stdout format raw daemon", "log-tag t", "option tcplog"
        with unix_log_server(tmp_path / "log.sock") as log, scene(program, tmp_path, *lines, "server s {up}") as stage:
            serve(stage)
            found = log.wait_for("main/s")
            wait_for(lambda: "main/s" in stage.proxy.log, what="the line on stdout")
            return [steady(line, pid=stage.proxy.process.pid) for line in (*found, stage.proxy.log)]

    on_both(run)


def test_global_targets_tag_and_hostname(tmp_path: Path) -> None:
    def run(program: str) -> list[str]:
        with udp_log_server() as log, udp_log_server() as other, named_server("x") as up:
            unlogged, logged = free_port(), free_port()
            config = (
                f"global\n log {log.target} local1\n log-tag several\n log-send-hostname here\n"
                f" stats socket {tmp_path}/{program}.sock\n"
                f"defaults\n log global\n log {other.target} format rfc5424 local2\n log global\n option tcplog\n"
                " timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
                f"listen first\n log-tag own\n bind 127.0.0.1:{logged}\n server s 127.0.0.1:{up}\n"
                f"listen second\n no log\n bind 127.0.0.1:{unlogged}\n server s 127.0.0.1:{up}\n"
            )
            start = programs.haproxy if program == "haproxy" else programs.wproxy
            with start(tmp_path, config, unlogged) as process:
                # Lines count sessions: that of the look whether it listens is over, and the logged one is first.
                stats = Stats(tmp_path / f"{program}.sock", "second")
                stats.wait_until_served()
                stats.wait_until_idle()
                assert ask_name(logged) == ask_name(unlogged) == "x"
                found = [*log.wait_for("first/s"), *other.wait_for("first/s")]
                assert len(log.receive()) == len(other.receive()) == 1
                return [steady(line, pid=process.pid) for line in found]

    on_both(run)
