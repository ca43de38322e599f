from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.command import InformationRequest, StatisticsRequest


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
    client = Client()
    assert client.say(f"show stat {arguments}") == "report\n\n"
    assert client.asked == StatisticsRequest(*wanted)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("typed", StatisticsRequest(form="typed")),
        ("json desc", StatisticsRequest(form="json", described=True)),
        ("up typed", StatisticsRequest(form="typed", up=True)),
        ("json typed", StatisticsRequest(form="typed")),
        ("3 4 -1 no-maint json", StatisticsRequest(3, 4, -1, form="json", no_maint=True)),
        ("nonsense", StatisticsRequest()),
    ],
)
def test_forms_of_statistics(words: str, wanted: StatisticsRequest) -> None:
    client = Client()
    client.say(f"show stat {words}")
    assert client.asked == wanted
    user = Client(Level.USER)
    user.say(f"show stat {words}")
    assert user.asked == replace(wanted, legends=False)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", InformationRequest()),
        ("typed desc", InformationRequest("typed", described=True)),
        ("json", InformationRequest("json")),
        ("float", InformationRequest(exact=True)),
    ],
)
def test_forms_of_information(words: str, wanted: InformationRequest) -> None:
    client = Client()
    client.say(f"show info {words}")
    assert client.asked == wanted


@pytest.mark.parametrize("proxy", ["nope", "0", "x2"])
def test_statistics_of_nobody(proxy: str) -> None:
    assert Client().say(f"show stat {proxy} 1 1") == "No such proxy.\n\n"


def test_the_other_reports() -> None:
    client = Client()
    assert client.say("show schema json") == "schema\n\n"
    assert client.say("show servers state") == "state of ['back']\n\n"
    assert client.say("show servers state back") == client.say("show servers state #3") == "state of ['back']\n\n"
    assert client.say("show servers state front") == "Can't find backend.\n\n"
    assert client.say("show backend") == "# name\nback\n\n"
    assert client.say("show cli level") == "admin\n\n"
