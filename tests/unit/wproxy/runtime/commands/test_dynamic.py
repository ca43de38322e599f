from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Mode
from wproxy.policy.balance import ALGORITHMS
from wproxy.state.server import Admin


def test_a_server_comes_and_goes() -> None:
    client = Client()
    assert client.say("add server back/n 127.0.0.1:9 weight 5 check") == "New server registered.\n\n"
    assert client.say("get weight back/n") == "5 (initial 5)\n\n"
    assert client.context.server("back/n").status == "MAINT"
    assert client.say("enable server back/n;del server back/n") == (
        "\nOnly servers in maintenance mode can be deleted.\n"
    )
    client.context.server("back/n").current = 1
    assert client.say("disable server back/n;del server back/n").endswith(
        "Server still has connections attached to it, cannot remove it.\n"
    )
    client.context.server("back/n").current = 0
    assert client.say("del server back/n") == "Server deleted.\n"
    assert client.say("del server back/n") == "No such server.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "Require 'backend/server'.\n"),
        ("back", "Require 'backend/server'.\n"),
        ("nope/n 127.0.0.1:9", "No such backend.\n"),
        ("back/n", "'server' expects <name> and <addr>[:<port>] as arguments.\n\n"),
        ("back/a 127.0.0.1:9", "Already exists a server with the same name in backend.\n\n"),
        ("back/n 127.0.0.1:9 nope", "unknown keyword 'nope'.\n\n"),
    ],
)
def test_what_cannot_be_added(arguments: str, said: str) -> None:
    assert Client().say(f"add server {arguments}") == said


@pytest.mark.parametrize("balance", ["source", "static-rr"])
def test_backends_whose_servers_stay(balance: str) -> None:
    client = Client()
    client.registry.backends["back"].algorithm = ALGORITHMS[balance]
    refusal = "Backend must use a dynamic load balancing to support dynamic servers.\n\n"
    assert client.say("add server back/n 127.0.0.1:9") == refusal


def redis(balance: str = "roundrobin") -> Client:
    """Return a client of a proxy whose backend is of mode redis."""
    client = Client()
    back = client.registry.backends["back"]
    back.config = replace(back.config, mode=Mode.REDIS, balance=balance)
    back.balance = balance
    back.rebuild()
    return client


@pytest.mark.parametrize("balance", ["roundrobin", "key"])
def test_servers_of_mode_redis_come_and_go(balance: str) -> None:
    client = redis(balance)
    back = client.registry.backends["back"]
    before = list(back.slots.owners)
    assert client.say("add server back/n 127.0.0.1:9 weight 5 redis-password x") == "New server registered.\n\n"
    assert list(back.slots.owners) == before
    client.context.server("back/n").current = 2  # links, not clients
    assert client.say("del server back/n") == "Server deleted.\n"
    assert list(back.slots.owners) == before


def test_a_server_that_owns_slots_stays() -> None:
    client = redis("key")
    back = client.registry.backends["back"]
    client.context.server("back/a").admin = Admin.FORCED_MAINT  # without its slots going to the others
    number = back.slots.owners.count(0)
    assert number
    assert client.say("del server back/a") == f"Server still owns {number} slots, cannot remove it.\n"


def test_a_server_that_owes_answers_stays() -> None:
    client = redis()
    client.registry.backends["back"].under_way = lambda server: server.name == "a"
    said = client.say("disable server back/a;del server back/a")
    assert said.endswith("Server still has commands under way, cannot remove it.\n")


@pytest.mark.parametrize("word", ["backup", "slowstart", "send-proxy"])
def test_what_a_server_of_mode_redis_cannot_have(word: str) -> None:
    value = " 5s" if word == "slowstart" else ""
    said = redis("key").say(f"add server back/n 127.0.0.1:9 {word}{value}")
    assert word in said
    assert "unknown" not in said


def test_a_password_nobody_would_use_is_refused_and_not_repeated() -> None:
    said = Client().say("add server back/n 127.0.0.1:9 redis-password hunter2")
    assert "'redis-password' needs 'mode redis'" in said
    assert "hunter2" not in said
