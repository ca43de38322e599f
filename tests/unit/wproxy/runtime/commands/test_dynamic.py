from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Mode
from wproxy.policy.balance import ALGORITHMS


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


def test_in_mode_redis_links_are_no_sessions_that_keep_a_server() -> None:
    client = Client()
    back = client.registry.backends["back"]
    back.config = replace(back.config, mode=Mode.REDIS)
    client.context.server("back/a").current = 2
    assert "Server deleted" in client.say("disable server back/a;del server back/a")


@pytest.mark.parametrize("parameter", ["backup", "slowstart 5s"])
def test_balance_key_adds_no_server_that_has_no_place_in_it(parameter: str) -> None:
    client = Client()
    client.registry.backends["back"].balance = "key"
    assert "balance key takes neither backup nor slowstart" in client.say(f"add server back/n 127.0.0.1:9 {parameter}")
    assert "New server registered" in client.say("add server back/n 127.0.0.1:9")
