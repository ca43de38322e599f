from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level


@pytest.mark.parametrize("kind", ["acl", "map"])
def test_there_are_none(kind: str) -> None:
    client = Client(Level.USER)
    assert client.say(f"show {kind}") == "# id (file) description\n\n"
    name = {"acl": "ACL", "map": "map"}[kind]
    for command in (f"show {kind} #1", f"get {kind} #1 x", f"clear {kind} @1 #1", f"commit {kind} @1 x"):
        assert client.say(command) == f"Unknown {name} identifier. Please use #<id> or <file>.\n\n"


def test_a_payload_takes_the_place_of_key_and_value() -> None:
    client = Client()
    assert client.say("add map #1").startswith("'add map' expects three parameters")
    client.conversation.payload = "key value"
    assert client.say("add map #1").startswith("Unknown map identifier.")
