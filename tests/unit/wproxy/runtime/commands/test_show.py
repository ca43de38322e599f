from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("", (-1, -1, -1)),
        ("3", (-1, -1, -1)),
        ("3 4", (-1, -1, -1)),
        ("3 4 1", (3, 4, 1)),
        ("-1 -1 -1", (-1, -1, -1)),
        ("front 1 -1", (2, 1, -1)),
        ("back 6 2", (3, 6, 2)),
        ("#3 6 2", (3, 6, 2)),
        ("2x 4y z", (2, 4, 0)),
        ("+2 4 1", (2, 4, 1)),
        ("9 4 " + "1" * 5000, (9, 4, 111_111_111)),
    ],
)
def test_statistics(arguments: str, wanted: tuple[int, int, int]) -> None:
    assert Client().say(f"show stat {arguments}") == f"statistics {wanted}\n\n"


@pytest.mark.parametrize("proxy", ["nope", "0", "x2"])
def test_statistics_of_nobody(proxy: str) -> None:
    assert Client().say(f"show stat {proxy} 1 1") == "No such proxy.\n\n"


def test_the_other_reports() -> None:
    client = Client()
    assert client.say("show info") == "information\n\n"
    assert client.say("show servers state") == "state of ['back']\n\n"
    assert client.say("show servers state back") == client.say("show servers state #3") == "state of ['back']\n\n"
    assert client.say("show servers state front") == "Can't find backend.\n\n"
    assert client.say("show backend") == "# name\nback\n\n"
    assert client.say("show cli level") == "admin\n\n"
