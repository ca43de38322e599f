from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.state.admission import RateLimit

GARBAGE = ["", "abc", "5x", "1 2"[:1] + "e3", "\N{SUPERSCRIPT TWO}", "9" * 20]


@pytest.mark.parametrize("value", GARBAGE)
def test_what_is_no_number_changes_nothing(value: str) -> None:
    """HAProxy takes the digits in front, and 0 where there are none: `set maxconn frontend x abc` would close it."""
    client = Client()
    assert client.say(f"set maxconn frontend front {value}") == "Integer value expected.\n\n"
    assert client.say(f"set maxconn global {value}") == "Expects an integer value.\n\n"
    assert client.say(f"set rate-limit sessions global {value}") == "Expects an integer value.\n\n"
    assert (client.registry.frontends["front"].maxconn, client.registry.maxconn) == (100, 100)


def test_numbers_are_taken_in_their_bounds() -> None:
    client = Client()
    assert client.say("set maxconn frontend front 7;set maxconn global 8;set maxconn server back/a 9") == "\n\n\n"
    assert (client.registry.frontends["front"].maxconn, client.registry.maxconn, client.a.maxconn) == (7, 8, 9)
    for command in ("set maxconn frontend front -1", "set maxconn global 101", "set rate-limit sessions global -1"):
        assert client.say(command) == "Value out of range.\n\n"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "Require <maxconn>.\n\n"),
        ("abc", "maxconn string empty or preceded by garbage\n"),
        ("7x", "Trailing garbage in maxconn string\n"),
        ("+3", "\n"),
        ("-3", "\n"),
    ],
)
def test_a_servers_limit(value: str, said: str) -> None:
    assert Client().say(f"set maxconn server back/a {value}") == said


def test_rates() -> None:
    client = Client()
    limits = client.registry.admission.limits
    for number, kind in enumerate(RateLimit, 1):
        assert client.say(f"set rate-limit {kind.value} global {number}") == "\n"
        assert limits[kind] == number
    for command in ("set rate-limit", "set rate-limit nope global 1", "set rate-limit sessions local 1"):
        assert client.say(command).startswith("'set rate-limit' only supports :\n")
