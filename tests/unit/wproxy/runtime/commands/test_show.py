from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.runtime.talking import Client
from tests.unit.wproxy.state.parties import HERE
from wproxy.config.model import Address, Global, Level, StatsSocket
from wproxy.runtime.command import ErrorsRequest, InformationRequest, StatisticsRequest
from wproxy.state.captures import Side


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


def test_connections_of_servers() -> None:
    client = Client()
    client.a.current, client.a.counters.sessions_max = 2, 3
    head, first, second, _ = client.say("show servers conn back").split("\n", 3)
    assert head.endswith(" idle_per_thr[1]")
    assert first == "back/a 3/1 127.0.0.1 1 - 5000 2 3 3 0 0 -1 0 0"
    assert second == "back/b 3/2 127.0.0.1 1 - 5000 0 0 0 0 0 -1 0 0"
    assert client.say("show servers conn nope") == "Can't find backend.\n\n"


def test_stats_sockets() -> None:
    addresses = (Address(path="/run/x"), Address("", 1), Address("::1", 2), Address("127.0.0.1", 3), Address(fd=4))
    client = Client()
    lines = tuple(StatsSocket(address, HERE, Level.USER) for address in addresses)
    client.registry.config = replace(client.registry.config, globals=Global(stats_sockets=lines))
    assert client.say("show cli sockets") == (
        "# socket lvl processes\nunix@/run/x user all\nipv4@0.0.0.0:1 user all\nipv6@[::1]:2 user all\n"
        "ipv4@127.0.0.1:3 user all\nfd@4 user all\n\n"
    )


def test_the_environment_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIN", "a\nb")
    monkeypatch.setenv("REDIS_PASSWORD", "hunter2")
    client = Client()
    assert client.say("show env PLAIN") == "PLAIN=a\\nb\n\n"
    assert client.say("show env REDIS_PASSWORD") == "REDIS_PASSWORD=***\n\n"
    assert "hunter2" not in client.say("show env")
    assert client.say("show env ABSENT") == "Variable not found\n\n"


@pytest.mark.parametrize(
    ("words", "request_"),
    [
        ("", ErrorsRequest()),
        ("-1", ErrorsRequest()),
        ("back", ErrorsRequest(3)),
        ("#3", ErrorsRequest(3)),
        ("front request", ErrorsRequest(2, Side.REQUEST)),
        ("-1 response", ErrorsRequest(-1, Side.RESPONSE)),
        ("9x nonsense", ErrorsRequest(9)),
    ],
)
def test_errors_of_a_proxy_and_a_side(words: str, request_: ErrorsRequest) -> None:
    client = Client()
    assert client.say(f"show errors {words}") == "report\n\n"
    assert client.asked == request_


@pytest.mark.parametrize("proxy", ["nope", "0", "request"])
def test_errors_of_nobody(proxy: str) -> None:
    assert Client().say(f"show errors {proxy}") == "No such proxy.\n\n"
