from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.state.frontend import FrontendStatus


@pytest.fixture
def client() -> Client:
    return Client()


def test_weights(client: Client) -> None:
    assert client.say("get weight back/a") == "30 (initial 30)\n\n"
    assert client.say("set weight back/a 50%") == "\n"
    assert client.say("set server back/b weight 9") == "\n"
    assert client.say("get weight back/a;get weight back/b") == "15 (initial 30)\n\n9 (initial 70)\n\n"
    assert client.say("set weight back/a") == "Require <weight> or <weight%>.\n\n"


def test_several_weights_are_one_change(client: Client) -> None:
    rebuilt: list[list[int]] = []
    backend = client.control.registry.backends["back"]
    backend.on_rebuild = lambda: rebuilt.append([server.weight for server in backend.servers])
    assert client.say("set weights back/a 50 back/b 50%") == "\n"
    assert rebuilt == [[50, 35]]
    assert (
        client.say("set weights back/a 1 back/b 257") == "Absolute weight can only be between 0 and 256 inclusive.\n\n"
    )
    assert client.say("set weights back/a 1 back/nobody 2") == "No such server.\n\n"
    assert rebuilt == [[50, 35]]
    for words in ("", " back/a", " back/a 1 back/b"):
        assert client.say(f"set weights{words}").startswith("usage: set weights <backend>/<server> <weight> [")


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ("set server back/a state maint", "MAINT"),
        ("set server back/a state drain", "DRAIN"),
        ("set server back/a state maint;set server back/a state ready", "no check"),
        ("disable server back/a", "MAINT"),
        ("disable server back/a;enable server back/a", "no check"),
        ("set server back/a state drain;enable server back/a", "no check"),
        ("set server back/a state drain;disable server back/a", "MAINT"),
    ],
)
def test_states(client: Client, commands: str, status: str) -> None:
    assert set(client.say(commands)) == {"\n"}
    assert client.a.status == status


def test_settings_that_are_none(client: Client) -> None:
    usage = (
        "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | "
        "check-port | fqdn | health | ssl | state | weight\n\n"
    )
    assert client.say("set server back/a") == client.say("set server back/a nope 1") == usage
    states = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n\n"
    assert client.say("set server back/a state") == client.say("set server back/a state up") == states


@pytest.mark.parametrize("command", ["get weight", "set weight", "set server", "enable server", "disable server"])
def test_a_server_is_required(client: Client, command: str) -> None:
    assert client.say(command) == "Require 'backend/server'.\n\n"
    assert client.say(f"{command} back/nope 1") == "No such server.\n\n"


def test_frontends(client: Client) -> None:

    def status() -> FrontendStatus:
        return client.registry.frontends["front"].status

    assert client.say("enable frontend front") == "All sockets are already enabled.\n\n"
    assert client.say("disable frontend front") == "\n"
    assert status() is FrontendStatus.PAUSED
    assert client.say("disable frontend front") == "All sockets are already disabled.\n\n"
    assert client.say("enable frontend front") == "\n"
    assert status() is FrontendStatus.OPEN
    assert client.say("enable frontend") == "A frontend name is expected.\n\n"
    assert client.say("disable frontend nope") == "No such frontend.\n\n"


@pytest.mark.parametrize(
    ("arguments", "said", "address"),
    [
        ("127.0.0.1", "no need to change the addr", "127.0.0.1:1"),
        ("127.0.0.2", "IP changed from '127.0.0.1' to '127.0.0.2'", "127.0.0.2:1"),
        ("::1 port 9", "IP changed from '127.0.0.1' to '::1', port changed from '1' to '9'", "[::1]:9"),
        ("127.0.0.1 port 1", "no need to change the addr, no need to change the port", "127.0.0.1:1"),
        ("127.0.0.1 port", "no need to change the addr, problem converting port '' to an int", "127.0.0.1:1"),
        ("127.0.0.1 port x", "no need to change the addr, problem converting port 'x' to an int", "127.0.0.1:1"),
        ("127.0.0.1 port 70000", "no need to change the addr, provided port is invalid: '70000'", "127.0.0.1:1"),
        ("nonsense", "Invalid addr 'nonsense'", "127.0.0.1:1"),
    ],
)
def test_addresses(client: Client, arguments: str, said: str, address: str) -> None:
    assert client.say(f"set server back/a addr {arguments}") == f"{said} by 'stats socket command'\n\n"
    assert str(client.a.address) == address


def test_health(client: Client) -> None:
    for value, status in (("down", "DOWN"), ("stopping", "NOLB"), ("up", "no check")):
        assert client.say(f"set server back/a health {value}") == "\n"
        assert client.a.status == status
    expected = "'set server <srv> health' expects 'up', 'stopping', or 'down'.\n\n"
    assert client.say("set server back/a health") == client.say("set server back/a health ill") == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("fqdn", "set server <b>/<s> fqdn requires a FQDN.\n\n"),
        ("fqdn x", "set server <b>/<s> fqdn failed because no resolution is configured.\n\n"),
        ("ssl on", "'set server <srv> ssl' cannot be set.  default-server should define ssl settings\n\n"),
        ("addr", "set server <b>/<s> addr requires an address and optionally a port.\n\n"),
    ],
)
def test_settings_that_are_refused(client: Client, arguments: str, said: str) -> None:
    assert client.say(f"set server back/a {arguments}") == said
