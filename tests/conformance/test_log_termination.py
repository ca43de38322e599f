"""How a connection ends, in the words of `option tcplog`: the same line on HAProxy and on wproxy, but for the times."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from tests.support.logging_proxy import TCPLOG, Scene, facts, scene
from tests.support.tcp_server import Sender, accept, connect, read_all, read_exactly, reset
from tests.support.waiting import wait_for

BULK = b"x" * 20_000_000
UP = "server s {up}"
DEAD = "server s {dead}"
DEAF = "server s {deaf}"
FULL = "server s {up} maxconn 1"

Act = Callable[[Scene], None]


def client_closes(stage: Scene) -> None:
    client, served = stage.talk()
    client.close()
    assert read_all(served) == b""
    served.close()


def server_closes(stage: Scene) -> None:
    client, served = stage.talk()
    served.close()
    assert read_all(client) == b""
    client.close()


def client_half_closes(stage: Scene) -> None:
    client, served = stage.talk()
    client.shutdown(1)
    assert read_all(served) == b""
    served.sendall(b"more")
    served.close()
    assert read_all(client) == b"more"
    client.close()


def client_resets(stage: Scene) -> None:
    client, served = stage.talk()
    reset(client)
    stage.logged()
    served.close()


def server_resets(stage: Scene) -> None:
    client, served = stage.talk()
    reset(served)
    stage.logged()
    client.close()


def client_resets_a_half_closed_one(stage: Scene) -> None:
    client, served = stage.talk()
    served.shutdown(1)
    assert read_all(client) == b""
    reset(client)
    stage.logged()
    served.close()


def server_resets_a_half_closed_one(stage: Scene) -> None:
    client, served = stage.talk()
    client.shutdown(1)
    assert read_all(served) == b""
    reset(served)
    stage.logged()
    client.close()


def client_resets_while_the_server_sends(stage: Scene) -> None:
    client, served = stage.talk()
    sender = Sender(served, BULK)
    read_exactly(client, 1_000_000)
    reset(client)
    stage.logged()
    served.close()
    sender.join()


def server_dies_in_the_middle(stage: Scene) -> None:
    client, served = stage.talk()
    sender = Sender(client, BULK)
    read_exactly(served, 1_000_000)
    reset(served)
    stage.logged()
    client.close()
    sender.join()


def both_are_silent(stage: Scene) -> None:
    client, served = stage.talk()
    stage.logged()
    client.close()
    served.close()


def server_is_silent_after_the_client_left(stage: Scene) -> None:
    client, served = stage.talk()
    client.shutdown(1)
    stage.logged()
    client.close()
    served.close()


def client_is_silent_after_the_server_left(stage: Scene) -> None:
    client, served = stage.talk()
    served.shutdown(1)
    stage.logged()
    client.close()
    served.close()


def client_does_not_read(stage: Scene) -> None:
    client, served = stage.talk()
    sender = Sender(served, BULK)
    stage.logged()
    client.close()
    served.close()
    sender.join()


def server_does_not_read(stage: Scene) -> None:
    client, served = stage.talk()
    sender = Sender(client, BULK)
    stage.logged()
    client.close()
    served.close()
    sender.join()


def client_waits(stage: Scene) -> None:
    with connect(stage.proxy.port) as client:
        assert client.recv(1) == b""


def client_leaves_early(stage: Scene) -> None:
    client = connect(stage.proxy.port)
    wait_for(lambda: stage.proxy.stats.numbers("s", "connect") >= (1,), what="it connects")
    client.close()
    stage.logged()


def client_resets_early(stage: Scene) -> None:
    client = connect(stage.proxy.port)
    client.sendall(b"hello")
    wait_for(lambda: stage.proxy.stats.numbers("s", "connect") >= (1,), what="it connects")
    reset(client)
    stage.logged()


def client_leaves_after_its_word(stage: Scene) -> None:
    client = connect(stage.proxy.port)
    client.sendall(b"hello")
    client.close()
    stage.logged()


def queued(stage: Scene, number: int) -> None:
    wait_for(lambda: stage.proxy.stats.numbers("BACKEND", "qcur") == (number,), what="it waits in the queue")


def left(stage: Scene, lines: int, stay: int) -> None:
    """Return when there are `lines` and only those who `stay` are counted: a session is logged, then forgotten."""
    stage.logged(lines)
    wait_for(lambda: stage.proxy.stats.numbers("FRONTEND", "scur") == (stay,), what=f"{stay} stay")


def one_waits_in_vain(stage: Scene) -> None:
    client, served = stage.talk()
    with connect(stage.proxy.port) as other:
        assert other.recv(1) == b""
    left(stage, 1, 1)
    client.close()
    served.close()


def one_leaves_the_queue(stage: Scene) -> None:
    client, served = stage.talk()
    other = connect(stage.proxy.port)
    queued(stage, 1)
    other.close()
    left(stage, 1, 1)
    client.close()
    served.close()


def one_resets_in_the_queue(stage: Scene) -> None:
    client, served = stage.talk()
    other = connect(stage.proxy.port)
    queued(stage, 1)
    reset(other)
    left(stage, 1, 1)
    client.close()
    served.close()


def one_is_silent_in_the_queue(stage: Scene) -> None:
    client, served = stage.talk()
    other = connect(stage.proxy.port)
    pause = Event()
    while not stage.log.receive() or stage.proxy.stats.numbers("FRONTEND", "scur") != (1,):
        client.sendall(b"alive")
        pause.wait(0.02)
    other.close()
    client.close()
    read_all(served)
    served.close()


def three_take_turns(stage: Scene) -> None:
    client, served = stage.talk()
    others = []
    for number in (1, 2, 3):
        others.append(connect(stage.proxy.port))
        queued(stage, number)
    reset(others.pop(0))
    left(stage, 1, 3)
    client.close()
    served.close()
    for number, other in enumerate(others, start=2):
        other.sendall(b"question")
        served = accept(stage.listening)
        assert served.recv(8) == b"question"
        left(stage, number, 4 - number)
        other.close()
        served.close()


def two_at_once(stage: Scene) -> None:
    first, second = stage.talk(), stage.talk()
    for connection in first:
        connection.close()
    left(stage, 1, 1)
    for connection in second:
        connection.close()


# name: (what happens, the server's line and others, how many lines are logged)
def an_administrator_kills_the_session(stage: Scene) -> None:
    client, served = stage.talk()
    stage.proxy.stats.ask("shutdown sessions server main/s")
    assert read_all(client) == b""
    client.close()
    served.close()


def its_proxy_is_shut_down(stage: Scene) -> None:
    for _ in range(2):
        server_closes(stage)
    stage.logged(2)
    stage.proxy.stats.ask("shutdown frontend main")


CASES: dict[str, tuple[Act, tuple[str, ...], int]] = {
    "client closes": (client_closes, (UP,), 1),
    "server closes": (server_closes, (UP,), 1),
    "client half-closes": (client_half_closes, (UP,), 1),
    "client resets": (client_resets, (UP,), 1),
    "server resets": (server_resets, (UP,), 1),
    "client resets after the server's goodbye": (client_resets_a_half_closed_one, (UP,), 1),
    "server resets after the client's goodbye": (server_resets_a_half_closed_one, (UP,), 1),
    "client resets while the server sends": (client_resets_while_the_server_sends, (UP,), 1),
    "server dies in the middle": (server_dies_in_the_middle, (UP,), 1),
    "client timeout": (both_are_silent, (UP, "timeout client 100ms", "timeout server 200ms"), 1),
    "server timeout": (both_are_silent, (UP, "timeout server 100ms", "timeout client 200ms"), 1),
    "both timeouts": (both_are_silent, (UP, "timeout server 100ms", "timeout client 100ms"), 1),
    "tunnel timeout": (both_are_silent, (UP, "timeout client 200ms", "timeout tunnel 400ms"), 1),
    "server timeout, half-closed": (server_is_silent_after_the_client_left, (UP, "timeout server 100ms"), 1),
    "client timeout, half-closed": (client_is_silent_after_the_server_left, (UP, "timeout client 100ms"), 1),
    "server-fin": (server_is_silent_after_the_client_left, (UP, "timeout server-fin 100ms"), 1),
    "client-fin": (client_is_silent_after_the_server_left, (UP, "timeout client-fin 100ms"), 1),
    "client does not read": (client_does_not_read, (UP, "timeout client 200ms"), 1),
    "server does not read": (server_does_not_read, (UP, "timeout server 200ms"), 1),
    "refused": (client_waits, (DEAD, "retries 0"), 1),
    "refused twice": (client_waits, (DEAD, "retries 1", "timeout connect 50ms"), 1),
    "refused here and there": (client_waits, (DEAD, "server t {dead}", "retries 3", "option redispatch 2"), 1),
    "redispatched": (server_closes, ("balance roundrobin", DEAD, "server t {up}", "option redispatch 1"), 1),
    "no server": (client_waits, (DEAD + " disabled",), 1),
    "no server at all": (client_waits, (), 1),
    "connect timeout": (client_waits, (DEAF, "retries 0", "timeout connect 100ms"), 1),
    "connect timeout twice": (client_waits, (DEAF, "retries 1", "timeout connect 100ms"), 1),
    "client leaves early": (client_leaves_early, (DEAF,), 1),
    "client resets early": (client_resets_early, (DEAF,), 1),
    "client leaves early, having spoken": (
        client_leaves_after_its_word, (DEAF, "retries 0", "timeout connect 200ms"), 1,
    ),
    "silent client, deaf server": (
        client_waits, (DEAF, "retries 0", "timeout connect 200ms", "timeout client 100ms"), 1,
    ),
    "queue timeout": (one_waits_in_vain, (FULL, "timeout queue 100ms"), 2),
    "client leaves the queue": (one_leaves_the_queue, (FULL,), 2),
    "client resets in the queue": (one_resets_in_the_queue, (FULL,), 2),
    "client timeout in the queue": (
        one_is_silent_in_the_queue, (FULL, "timeout queue 5s", "timeout client 200ms"), 2,
    ),
    "queue": (three_take_turns, (FULL,), 4),
    "two at once": (two_at_once, (UP,), 2),
    "killed": (an_administrator_kills_the_session, (UP,), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_line_at_the_end(tmp_path: Path, name: str) -> None:
    act, lines, count = CASES[name]

    def run(program: str) -> list[str]:
        with scene(program, tmp_path, "log {log} local3", "option tcplog", *lines) as stage:
            act(stage)
            return [facts(line) for line in stage.logged(count)]

    assert run("wproxy") == run("haproxy")


def test_a_proxy_that_is_shut_down_tells_how_many_it_has_served(tmp_path: Path) -> None:
    def run(program: str) -> str:
        with scene(program, tmp_path, "log {log} local3", "option tcplog", UP) as stage:
            its_proxy_is_shut_down(stage)
            return stage.log.wait_for("stopped", 1)[0].partition("]: ")[2]

    assert run("wproxy") == run("haproxy")


def test_times_and_ports_are_true(tmp_path: Path) -> None:
    with scene("wproxy", tmp_path, "log {log} local3", "option tcplog", FULL, "timeout queue 5s") as stage:
        client, served = stage.talk()
        began = time.monotonic()
        with connect(stage.proxy.port) as other:
            queued(stage, 1)
            Event().wait(0.2)
            client.close()
            served.close()
            other.sendall(b"x")
            with accept(stage.listening) as second:
                accepted = time.monotonic()
                assert second.recv(1) == b"x"
                Event().wait(0.1)
            port = other.getsockname()[1]
            assert read_all(other) == b""
        line, logged = TCPLOG.fullmatch(stage.logged(2)[1]), time.monotonic()
        assert line is not None
        assert (int(line["port"]), int(line["pid"]), line["tag"]) == (port, stage.proxy.process.pid, "wproxy")
        # What the test itself has seen contains what the proxy has measured, and that the pauses. The loop's clock goes
        # by whole milliseconds, at both ends of what is measured.
        assert 199 <= int(line["tw"]) <= (accepted - began) * 1000 + 3
        assert int(line["tw"]) + 99 <= int(line["tt"]) <= (logged - began) * 1000 + 3
