from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.command import CommandError, Context, word


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.mark.parametrize("name", ["back/a", "#3/a", "back/#1", "#3/#1"])
def test_servers_by_name_and_number(client: Client, name: str) -> None:
    assert client.context.server(name) is client.a


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Require 'backend/server'."),
        ("back", "Require 'backend/server'."),
        ("back/", "Require 'backend/server'."),
        ("/a", "No such backend."),
        ("nope/a", "No such backend."),
        ("#9/a", "No such backend."),
        ("#/a", "No such backend."),
        ("#\N{SUPERSCRIPT TWO}/a", "No such backend."),
        ("back/c", "No such server."),
        ("back/#3", "No such server."),
        ("back/a/b", "No such server."),
    ],
)
def test_servers_that_are_not_there(client: Client, name: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        client.context.server(name)


def test_frontends_and_proxies(client: Client) -> None:
    front, back = client.registry.frontends["front"], client.registry.backends["back"]
    assert client.context.frontend("front") is client.context.frontend("#2") is front
    assert client.context.proxy("front") is client.context.proxy("#2") is front
    assert client.context.proxy("back") is client.context.proxy("#3") is back
    assert client.context.proxy("nope") is None
    for name, words in (("", "A frontend name is expected."), ("back", "No such frontend."), ("#3", "No such")):
        with pytest.raises(CommandError, match=words):
            client.context.frontend(name)


def test_words_that_are_missing_are_empty() -> None:
    assert [word(["a", "b"], index) for index in range(3)] == ["a", "b", ""]


def test_a_context_of_its_own_is_an_administrators(client: Client) -> None:
    context = Context(client.registry, client.control, client.context.reports)
    assert context.conversation.level is Level.ADMIN
