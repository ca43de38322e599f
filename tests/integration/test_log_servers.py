"""Log servers that are away, come back or do not read: traffic goes on, and what is lost is counted."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import redis

from tests.support.logging_proxy import scene
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, running
from tests.support.proxies import Proxy, configuration, proxy
from tests.support.syslog import udp_log_server, unix_log_server
from tests.support.tcp_server import ask_name, named_server
from tests.support.waiting import wait_for


def dropped(made: Proxy) -> int:
    found = re.search(r"^DroppedLogs: (\d+)$", made.stats.ask("show info"), re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_a_socket_that_is_away_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "log.sock"
    with (
        named_server("x") as up,
        proxy("wproxy", tmp_path, f"log {path} local0", "option tcplog", f"server s 127.0.0.1:{up}") as made,
    ):
        for _ in range(3):
            assert ask_name(made.port) == "x"
        wait_for(lambda: dropped(made) == 3, what="three lines dropped")
        assert made.log.count("no such file or directory; lines are dropped") == 1
        with unix_log_server(path) as log:
            assert ask_name(made.port) == "x"
            log.wait_for("main/s")
        assert ask_name(made.port) == "x"
        wait_for(lambda: made.log.count("lines are dropped") == 2, what="it is told again")


def test_a_unix_socket_that_nobody_reads(tmp_path: Path) -> None:
    path = tmp_path / "log.sock"
    with (
        unix_log_server(path) as log,
        named_server("x") as up,
        proxy("wproxy", tmp_path, f"log {path} local0", "option tcplog", f"server s 127.0.0.1:{up}") as made,
    ):
        wait_for(lambda: ask_name(made.port) == "x" and dropped(made) > 2, 20.0, "its buffer is full")
        made.stats.wait_until_idle()  # the last client's line comes when it has left
        before = dropped(made)
        received = len(log.receive())
        assert received > 0
        assert ask_name(made.port) == "x"
        wait_for(lambda: len(log.receive()) == received + 1, what="there is room again")
        assert dropped(made) == before


def test_a_udp_port_where_nobody_is(tmp_path: Path) -> None:
    with udp_log_server() as log, named_server("x") as up:
        lines = f"log 127.0.0.1:{free_port()} local0", f"log {log.target} local0", "option tcplog"
        with proxy("wproxy", tmp_path, *lines, f"server s 127.0.0.1:{up}") as made:
            for _ in range(5):
                assert ask_name(made.port) == "x"
            log.wait_for("main/s", 5)


def test_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    """Its mode is its other users' business, and a line goes whole or not at all."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reading = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    capacity = fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, 8192)
    port = free_port()
    with named_server("x") as up:
        lines = "log fd@7 format raw local0", "option tcplog", f"server s 127.0.0.1:{up}"
        (tmp_path / "wproxy.cfg").write_text(configuration("wproxy", tmp_path, port, *lines))
        command = ["/bin/sh", "-c", 'exec "$@" 7>fifo', "sh", *WPROXY, "-f", "wproxy.cfg"]
        with running(command, tmp_path, "wproxy") as process:
            made = Proxy("wproxy", tmp_path, port, process)
            wait_for(made.serves, START_TIMEOUT_S, "it serves")
            wait_for(lambda: ask_name(port) == "x" and dropped(made) > 2, 20.0, "the pipe is full")
            text = os.read(reading, 2 * capacity).decode()
    assert len(text) > capacity // 2
    assert all(line.endswith("0/0") for line in text.splitlines())
    os.close(reading)


def test_a_descriptor_that_is_not_open_and_a_name_that_is_not_known(tmp_path: Path) -> None:
    lines = "log fd@77 local0", "log no-such-host.invalid local0", "server s 127.0.0.1:1"
    (tmp_path / "wproxy.cfg").write_text(configuration("wproxy", tmp_path, free_port(), *lines))
    with running([*WPROXY, "-f", "wproxy.cfg"], tmp_path, "wproxy") as process:
        assert process.wait(20.0) == 1
    text = (tmp_path / "wproxy.log").read_text()
    assert re.search(r"\[wproxy.cfg:10\] : log: cannot log to fd@77: bad file descriptor\n", text)
    assert re.search(r"\[wproxy.cfg:11\] : log: cannot log to no-such-host.invalid:514: ", text)
    assert "Traceback" not in text


def test_a_client_of_mode_redis(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with udp_log_server() as log:
        lines = f"log {log.target} format raw local0", "option tcplog", f"server s 127.0.0.1:{redis_pair[0]}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made:
            with redis.Redis(port=made.port) as client:
                assert client.ping()
            [line] = log.wait_for("main")
    assert re.fullmatch(r"127\.0\.0\.1:\d+ \[\S+\] main main/<NOSRV> -1/-1/\d+ [1-9]\d* -- 1/1/0/0/0 0/0\n", line)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    with scene("wproxy", tmp_path, "log {log} local3", "option tcplog", "server s {up}") as stage:
        before = stage.proxy.descriptors
        for _ in range(20):
            client, served = stage.talk()
            client.close()
            served.close()
        stage.log.wait_for("main/s", 20)
        stage.proxy.stats.wait_until_idle()
        wait_for(lambda: stage.proxy.descriptors == before, what="all descriptors given back")
