from __future__ import annotations

from tests.unit.wproxy.runtime.talking import Client
from wproxy.state.frontend import FrontendStatus


def test_what_is_shut_down_stays_so() -> None:
    client = Client()
    assert client.say("shutdown frontend front") == "\n"
    assert client.registry.frontends["front"].status is FrontendStatus.STOPPED
    assert client.say("shutdown frontend front") == "Frontend was already shut down.\n\n"
    assert client.say("enable frontend front") == "Frontend was previously shut down, cannot enable.\n\n"
    assert client.say("disable frontend front") == "Frontend was previously shut down, cannot disable.\n\n"


def test_the_servers_of_a_listen_section_that_is_shut_down() -> None:
    client = Client()
    client.registry.frontends["back"] = client.registry.frontends["front"]
    client.say("shutdown frontend front")
    assert client.say("set server back/a state maint") == "Proxy is disabled.\n\n"
    assert client.say("get weight back/a") == "30 (initial 30)\n\n"
