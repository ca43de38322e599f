from __future__ import annotations

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level


def test_prompt_toggles() -> None:
    client = Client()
    for expected in (True, False, True):
        assert client.say("prompt") == "\n"
        assert client.conversation.prompt == expected


def test_quit() -> None:
    client = Client()
    client.say("quit")
    assert client.conversation.closing


def test_levels_only_sink() -> None:
    client = Client()
    assert client.say("show cli level;operator;show cli level") == "admin\n\n\noperator\n\n"
    assert client.say("set weight back/a 1") == "Permission denied\n\n"
    assert client.say("operator;user;show cli level;operator") == "\n\nuser\n\nPermission denied\n\n"
    assert client.conversation.level is Level.USER
