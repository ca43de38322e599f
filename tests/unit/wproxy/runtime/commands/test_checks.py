from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.checks import AgentSettings
from wproxy.config.model import CheckSettings


@pytest.fixture
def client() -> Client:
    """A client of a proxy whose server back/a is checked, and has an agent."""
    made = Client()
    made.a.check = CheckSettings()
    made.a.agent = AgentSettings(5)
    made.a.agent_asked = True
    return made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("agent up", "agent checks are not enabled on this server.\n\n"),
        ("agent-send x", "agent checks are not enabled on this server.\n\n"),
        ("agent-addr", "set server <b>/<s> agent-addr requires an address and optionally a port.\n\n"),
        ("agent-addr 127.0.0.1", "agent checks are not enabled on this server\n"),
        ("agent-port", "set server <b>/<s> agent-port requires a port.\n\n"),
        ("agent-port 9", "agent checks are not enabled on this server\n"),
        ("check-addr", "set server <b>/<s> check-addr requires an address and optionally a port.\n\n"),
        ("check-addr 127.0.0.1", "health checks are not enabled on this server\n"),
        ("check-port", "set server <b>/<s> check-port requires a port.\n\n"),
        ("check-port 9", "health checks are not enabled on this server\n"),
    ],
)
def test_servers_that_nobody_checks(client: Client, arguments: str, said: str) -> None:
    assert client.say(f"set server back/b {arguments}") == said


def test_checks_elsewhere_and_not_at_all(client: Client) -> None:
    assert client.say("set server back/a check-addr 127.0.0.9 port 7") == "\n"
    assert (client.a.check_host, client.a.check_port) == ("127.0.0.9", 7)
    assert client.say("set server back/a check-addr 127.0.0.8;set server back/a check-port 6") == "\n\n"
    assert (client.a.check_host, client.a.check_port) == ("127.0.0.8", 6)
    for port, said in (("x", "provided port is not an integer\n"), ("70000", "provided port is invalid\n")):
        assert client.say(f"set server back/a check-port {port}") == said
    assert client.say("set server back/a check-addr x") == "invalid addr 'x'\n"
    assert client.say("enable health back/a") == "\n"
    assert client.a.checking
    assert client.say("disable health back/a") == "\n"
    assert not client.a.checking
    assert client.say("enable health back/b") == "Health check was not configured on this server, cannot enable.\n\n"
    assert client.say("enable agent back/b") == "Agent was not configured on this server, cannot enable.\n\n"
    assert client.say("disable agent back/b") == "\n"


@pytest.mark.parametrize(
    ("arguments", "agent"),
    [
        ("agent-addr 127.0.0.9", AgentSettings(5, "127.0.0.9")),
        ("agent-addr ::1 port 7", AgentSettings(7, "::1")),
        ("agent-port 7", AgentSettings(7)),
        ("agent-send hello", AgentSettings(5, send=b"hello")),
    ],
)
def test_an_agent_elsewhere_and_asked_otherwise(client: Client, arguments: str, agent: AgentSettings) -> None:
    assert client.say(f"set server back/a {arguments}") == "\n"
    assert client.a.agent == agent


def test_wrong_places_of_an_agent(client: Client) -> None:
    assert client.say("set server back/a agent-addr x") == "invalid addr 'x'\n"
    assert client.say("set server back/a agent-port x") == "provided port is not an integer\n"
    assert client.say("set server back/a agent-port 70000") == "provided port is invalid\n"


def test_an_agent_by_hand(client: Client) -> None:
    assert client.say("set server back/a agent x") == "'set server <srv> agent' expects 'up' or 'down'.\n\n"
    for word, running in (("down", False), ("up", True)):
        assert client.say(f"set server back/a agent {word}") == "\n"
        assert client.a.running == running
    assert client.say("disable agent back/a") == "\n"
    assert client.say("set server back/a agent down") == "agent checks are not enabled on this server.\n\n"
    assert client.say("enable agent back/a") == "\n"
    assert client.a.agent_asked
