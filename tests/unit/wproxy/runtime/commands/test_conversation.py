from __future__ import annotations

import pytest

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


@pytest.mark.parametrize(
    ("words", "said", "idle_s"),
    [
        ("cli 60", "\n", 60.0),
        ("cli 60s", "\n", 60.0),
        ("cli 500ms", "\n", 0.5),
        ("cli 2m", "\n", 120.0),
        ("cli 0", "Invalid timeout value.\n\n", None),
        ("cli 1us", "Invalid timeout value.\n\n", None),
        ("cli abc", "Invalid timeout value.\n\n", None),
        ("cli", "Expects an integer value.\n\n", None),
        ("nope 1", "'set timeout' only supports 'cli'.\n\n", None),
    ],
)
def test_timeouts(words: str, said: str, idle_s: float | None) -> None:
    client = Client()
    assert client.say(f"set timeout {words}") == said
    assert client.conversation.idle_s == idle_s


def test_a_severity_is_required() -> None:
    expected = "one of 'none', 'number', 'string' is a required argument\n\n"
    assert Client().say("set severity-output") == Client().say("set severity-output nope") == expected


@pytest.mark.parametrize("mode", ["expert-mode", "experimental-mode"])
def test_modes_are_an_administrators_and_end_with_that(mode: str) -> None:
    client = Client()
    assert client.say(f"{mode};{mode} on;{mode}") == f"{mode} is OFF\n\n\n{mode} is ON\n\n"
    assert client.say(f"operator;{mode}") == "\nPermission denied\n\n"
    assert not client.conversation.expert
    assert not client.conversation.experimental
    assert mode not in Client().say("help")
