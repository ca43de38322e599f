"""mode redis: clients with a memory come and go at any moment: nobody gets another's answer, and nothing is left."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import hiredis
import pytest

from tests.support.beside_redis import beside_redis
from tests.support.killable import killable_redis
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

_POOLED = 8  # per server and protocol


def scene(client: Client, tag: str, chance: random.Random) -> list[Any]:
    """Send a pipeline whose replies nobody else could get; return them, None for whatever is not known before."""
    key = f"k{chance.randrange(6)}"
    scenes: list[tuple[list[str], list[Any]]] = [
        ([f"SET {tag} {tag}", f"GET {tag}", f"DEL {tag}"], [b"OK", tag.encode(), 1]),
        (
            ["MULTI", f"SET {key} {tag}", f"GET {key}", f"ECHO {tag}", "EXEC"],
            [b"OK", b"QUEUED", b"QUEUED", b"QUEUED", [b"OK", tag.encode(), tag.encode()]],
        ),
        ([f"WATCH {key}", "MULTI", f"GET {key}", "EXEC"], [b"OK", b"OK", b"QUEUED", None]),
        ([f"RPUSH q{tag} {tag}", f"BLPOP q{tag} 1"], [1, [f"q{tag}".encode(), tag.encode()]]),
        ([f"BLPOP nothing{tag} 0.01", f"ECHO {tag}"], [..., tag.encode()]),
        (["SELECT 3", f"SET {tag} x", "DBSIZE", "FLUSHDB", "SELECT 0"], [b"OK", b"OK", None, b"OK", b"OK"]),
        ([f"MSET a{tag} 1 b{tag} 2 c{tag} 3", f"DEL a{tag} b{tag} c{tag}"], [b"OK", 3]),
        ([f"SUBSCRIBE {tag}", f"PING {tag}", f"UNSUBSCRIBE {tag}"], [
            [b"subscribe", tag.encode(), 1], [b"pong", tag.encode()], [b"unsubscribe", tag.encode(), 0]
        ]),
        ([f"EVAL return{{KEYS[1],ARGV[1]}} 1 {key} {tag}"], [[key.encode(), tag.encode()]]),
    ]  # fmt: skip
    lines, expected = chance.choice(scenes)
    client.send(*(pack(*line.split()) for line in lines))
    return expected


def check(client: Client, expected: list[Any]) -> None:
    for wanted in expected:
        reply = client.reply()
        if wanted is ...:
            assert reply is None
        else:
            assert wanted is None or reply == wanted, (reply, wanted)


@pytest.mark.long
def test_a_crowd_with_a_memory(tmp_path: Path) -> None:
    with beside_redis(tmp_path) as beside, ExitStack() as stack:
        ask(beside.proxy.port, "PING")
        beside.proxy.stats.wait_until_idle("FRONTEND")
        descriptors = beside.proxy.descriptors
        chance = random.Random(4711)
        clients: dict[int, Client] = {}
        for turn in range(1500):
            number = chance.randrange(25)
            if number not in clients:
                clients[number] = stack.enter_context(Client(beside.proxy.port))
            client = clients[number]
            waiting = [scene(client, f"{turn}-{part}", chance) for part in range(chance.randrange(1, 4))]
            if chance.random() < 0.25:
                client.socket.close()  # with replies under way
                del clients[number]
                continue
            for expected in waiting:
                check(client, expected)
        for client in clients.values():
            client.socket.close()
        beside.proxy.stats.wait_until_idle("FRONTEND")
        wait_for(lambda: beside.proxy.descriptors <= descriptors + 3 * _POOLED, what="connections are given back")
        assert b"blocked_clients:0" in ask(beside.proxy.port, "INFO", "clients")
        for port in beside.servers:
            wait_for(lambda port=port: server_is_quiet(port), what="nothing is left on the server")  # type: ignore[misc]


def server_is_quiet(port: int) -> bool:
    """Tell whether no client of the server waits, watches, listens or queues."""
    lines = ask(port, "CLIENT", "LIST").decode().splitlines()
    return all("flags=N " in line and "sub=0 psub=0" in line and "multi=-1" in line for line in lines)


def test_a_crowd_with_a_memory_in_front_of_a_server_that_dies(tmp_path: Path) -> None:
    with killable_redis(tmp_path) as a, killable_redis(tmp_path) as b:
        lines = "balance key", f"server a 127.0.0.1:{a.port}", f"server b 127.0.0.1:{b.port}"
        with proxy("wproxy", tmp_path, *lines, mode="redis") as made, ExitStack() as stack:
            chance = random.Random(42)
            clients = {number: stack.enter_context(Client(made.port)) for number in range(12)}
            for turn in range(60):
                if turn % 10 == 4:
                    a.kill()
                if turn % 10 == 9:
                    a.start()
                for number in list(clients):
                    client = clients[number]
                    if not survives(client, f"{turn}-{number}", chance):
                        client.socket.close()
                        clients[number] = stack.enter_context(Client(made.port))
            for client in clients.values():
                client.socket.close()
            made.stats.wait_until_idle("FRONTEND")
            assert ask(made.port, "PING") == b"PONG"


def survives(client: Client, tag: str, chance: random.Random) -> bool:
    """Play a scene, each reply of which is what it should be or an error; False when the client is better replaced."""
    try:
        expected = scene(client, tag, chance)
        replies = client.replies(len(expected))
    except (EOFError, ConnectionError):
        return False
    clean = True
    for reply, wanted in zip(replies, expected, strict=True):
        if isinstance(reply, hiredis.ReplyError):
            clean = False
        elif clean and wanted is not ...:
            assert wanted is None or reply in (wanted, None), (reply, wanted)
    return clean
