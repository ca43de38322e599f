from __future__ import annotations

import pytest

from wproxy.config.dynamic import DynamicServerError, dynamic_server
from wproxy.config.model import Address, CheckSettings


def test_a_server_with_parameters() -> None:
    line = dynamic_server("n", ["127.0.0.1:9", "weight", "3", "maxconn", "5", "check", "inter", "5s", "rise", "4"])
    assert (line.name, line.address) == ("n", Address("127.0.0.1", 9))
    assert (line.weight, line.maxconn, line.check) == (3, 5, CheckSettings(5.0, 4, 3))


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("n", "", "'server' expects <name> and <addr>[:<port>] as arguments."),
        ("n", "127.0.0.1:5 nope", "unknown keyword 'nope'."),
        ("n", "127.0.0.1:5 weight 3 nope 4", "unknown keyword 'nope'."),
        ("n", "127.0.0.1:5 cookie x", "'cookie' option is not accepted for dynamic server"),
        ("n?", "127.0.0.1:5", "character '?' is not permitted in server name 'n?'."),
        ("é", "127.0.0.1:5", "character 'é' is not permitted in server name 'é'."),
    ],
)
def test_haproxys_refusals(name: str, words: str, said: str) -> None:
    with pytest.raises(DynamicServerError) as refused:
        dynamic_server(name, words.split())
    assert str(refused.value) == said


@pytest.mark.parametrize("words", ["127.0.0.1", "127.0.0.1:5 weight 500", "127.0.0.1:5 weight", "127.0.0.1:5 ssl"])
def test_our_refusals_are_one_line(words: str) -> None:
    with pytest.raises(DynamicServerError) as refused:
        dynamic_server("n", words.split())
    assert str(refused.value)
    assert "\n" not in str(refused.value)
