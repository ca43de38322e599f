"""mode redis: crowds, resets and limits of the clients' connections, as in mode tcp; nothing leaks."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.crowds import burst, stays_flat
from tests.support.proxies import proxy
from tests.support.tcp_server import connect, read_exactly, reset
from tests.support.waiting import wait_for

PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"
SET, OK = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", b"+OK\r\n"


def lines(ports: tuple[int, int], *more: str) -> list[str]:
    return ["balance key", *(f"server s{port} 127.0.0.1:{port}" for port in ports), *more]


def wave(port: int, number: int) -> None:
    """Hold `number` clients, each of whom is answered and leaves with a further command under way."""
    clients = [connect(port) for _ in range(number)]
    for client in clients:
        client.sendall(SET)
    for order, client in enumerate(clients):
        assert read_exactly(client, len(OK)) == OK
        client.sendall(SET[: order % len(SET)])
        if order % 2:
            reset(client)
        client.close()


def test_crowds_leave_nothing(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with proxy("wproxy", tmp_path, *lines(redis_pair), mode="redis") as made:
        wait_for(lambda: made.descriptors, what="its links")

        def crowd() -> None:
            burst(made.port, 1_000)
            wave(made.port, 500)

        crowd()
        made.stats.wait_until_idle("FRONTEND")
        stays_flat(made, crowd, 6)


@pytest.mark.parametrize("how", ["maxconn", "descriptors"])
def test_beyond_the_limit_clients_wait(tmp_path: Path, redis_pair: tuple[int, int], how: str) -> None:
    rest, open_files = ("global\n    maxconn 5\n", None) if how == "maxconn" else ("", 64)
    with (
        proxy("wproxy", tmp_path, *lines(redis_pair), mode="redis", rest=rest, open_files=open_files) as made,
        ExitStack() as stack,
    ):
        waiting = [stack.enter_context(connect(made.port)) for _ in range(40)]
        for client in waiting:
            client.sendall(PING)
        rounds = 0
        while waiting:
            ready = select.select(waiting, [], [], 20.0)[0]
            assert ready
            for client in ready:
                assert read_exactly(client, len(PONG)) == PONG
                client.close()
                waiting.remove(client)
            rounds += 1
        assert rounds > 1
        made.stats.wait_until_idle("FRONTEND")


def test_those_beyond_the_limit_cost_no_time(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    rest = "global\n    maxconn 1\n"
    with (
        proxy("wproxy", tmp_path, *lines(redis_pair), mode="redis", rest=rest) as made,
        connect(made.port) as served,
        ExitStack() as stack,
    ):
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (1,))
        for _ in range(30):
            stack.enter_context(connect(made.port)).sendall(PING)
        used_s = made.cpu_s
        threading.Event().wait(0.5)
        assert made.cpu_s - used_s < 0.1
        served.sendall(PING)
        assert read_exactly(served, len(PONG)) == PONG


def test_a_client_that_sends_no_more_hears_the_rest(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    with proxy("wproxy", tmp_path, *lines(redis_pair), mode="redis") as made, connect(made.port) as client:
        client.sendall(PING * 1000 + PING[:7])
        client.shutdown(socket.SHUT_WR)
        assert read_exactly(client, 1000 * len(PONG)) == PONG * 1000
        assert client.recv(1) == b""
        made.stats.wait_until_idle("FRONTEND")
