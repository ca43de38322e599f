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


@pytest.mark.parametrize(("balance", "mode"), [("source", Mode.TCP), ("static-rr", Mode.TCP), ("key", Mode.REDIS)])
def test_backends_whose_servers_stay(balance: str, mode: Mode) -> None:
    client = Client()
    back = client.registry.backends["back"]
    back.algorithm, back.config = ALGORITHMS[balance], replace(back.config, mode=mode)
    refusal = "Backend must use a dynamic load balancing to support dynamic servers.\n\n"
    assert client.say("add server back/n 127.0.0.1:9") == refusal


def test_the_shared_links_of_mode_redis_keep_their_servers() -> None:
    client = Client()
    back = client.registry.backends["back"]
    back.config = replace(back.config, mode=Mode.REDIS)
    assert "cannot be removed at runtime" in client.say("disable server back/a;del server back/a")
