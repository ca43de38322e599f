from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wproxy.policy.cookies.keepers import Server, request, response, values
from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.policy.cookies import ABSENT, Persistence, Presented, dates

NOW = 1_800_000_000
A, B, DOWN = Server(b"sa"), Server(b"sb"), Server(b"sd", running=False)


def at(age_s: int) -> bytes:
    return dates.written((NOW - age_s) >> 2)


def persistence(mode: str = "insert", *, persist: bool = False, **settings: Any) -> Persistence[Server]:
    made: Persistence[Server] = Persistence(
        CookieSettings("SRV", CookieMode(mode), **settings), lambda: NOW, persist=persist
    )
    made.serve([A, B, DOWN, Server(b"")])
    return made


@pytest.mark.parametrize(
    ("cookies", "server", "letter"),
    [
        ([], None, "N"), ([b"a=1"], None, "N"), ([b"SRV=sb"], B, "V"), ([b"SRV=zz"], None, "I"), ([b"SRV="], None, "I"),
        ([b"SRV=sd"], None, "D"), ([b"SRV=sd; SRV=sa"], A, "V"), ([b"SRV=sd; SRV=zz"], None, "D"),
        ([b"SRV=zz", b"SRV=sb; SRV=sa"], B, "V"), ([b"SRV=sb; SRV=zz"], B, "V"), ([b"SRV=sb|AAAAB"], B, "V"),
    ],
)  # fmt: skip
def test_whom_a_request_asks_for(cookies: list[bytes], server: Server | None, letter: str) -> None:
    asked = persistence().read(request(*cookies))
    assert asked.server is server
    assert asked.letter == letter


def test_a_server_that_is_down_is_tried_where_that_is_wanted() -> None:
    assert persistence(persist=True).read(request(b"SRV=sd"))[:2] == (DOWN, "D")
    assert persistence().read(request(b"SRV=sd"), force=True)[:2] == (DOWN, "D")


def test_several_servers_share_a_value() -> None:
    made = persistence()
    made.serve([Server(b"x", running=False), A, Server(b"x"), B])
    chosen = made.read(request(b"SRV=x")).server
    assert chosen is not None
    assert chosen.running


def test_what_is_ignored() -> None:
    made = persistence(indirect=True)
    head = request(b"SRV=sb; a=1")
    asked = made.read(head, ignore=True)
    assert (asked.server, asked.letter, asked.ignored) == (None, "U", True)
    assert values(head, b"cookie") == [b"a=1"]
    assert made.read(request(), ignore=True)[:2] == (None, "N")
    answered = response(b"Set-Cookie: SRV=own")
    assert made.answer(answered, b"GET", asked, A, direct=False) == "N"
    assert values(answered) == [b"SRV=own"]


@pytest.mark.parametrize(
    ("mode", "settings", "left"),
    [
        ("insert", {}, [b"x=1; SRV=sb~v; y=2"]), ("insert", {"indirect": True}, [b"x=1; y=2"]),
        ("rewrite", {}, [b"x=1; SRV=sb~v; y=2"]), ("prefix", {}, [b"x=1; SRV=v; y=2"]),
        ("", {"indirect": True}, [b"x=1; SRV=sb~v; y=2"]),
    ],
)  # fmt: skip
def test_what_the_server_sees(mode: str, settings: dict[str, bool], left: list[bytes]) -> None:
    made = persistence(mode, **settings)
    for _ in range(2):  # once read, once remembered
        head = request(b"x=1; SRV=sb~v; y=2")
        made.read(head)
        assert values(head, b"cookie") == left
    alone = request(b"a=1", b"SRV=sb")
    made.read(alone)
    hidden = mode == "insert" and "indirect" in settings
    assert values(alone, b"cookie") == ([b"a=1"] if hidden else [b"a=1", b"SRV=sb"])


def test_in_prefix_mode_the_server_stands_in_front() -> None:
    made = persistence("prefix")
    assert made.read(request(b"SRV=sb~a~b")).server is B
    assert made.read(request(b"SRV=sb")).server is B
    assert made.read(request(b"SRV=~sb")).letter == "I"


@pytest.mark.parametrize(
    ("value", "letter"),
    [
        (b"sb", "V"), (b"sb|%b" % at(50), "V"), (b"sb|%b" % at(200), "E"), (b"sb|%b" % at(-80_000), "V"),
        (b"sb|%b" % at(-90_000), "E"), (b"sb|%b|%b" % (at(5), at(250)), "V"), (b"sb|%b|%b" % (at(5), at(350)), "O"),
        (b"sb|%b|%b" % (at(5), at(-90_000)), "O"), (b"sb||%b" % at(350), "O"), (b"sb|abc", "V"),
        (b"zz|%b" % at(5), "I"), (b"sb|%b; SRV=sa" % at(200), "V"), (b"sb|%b; SRV=zz" % at(200), "E"),
        (b"sb; SRV=sa|%b" % at(200), "E"),
    ],
)  # fmt: skip
def test_dates(value: bytes, letter: str) -> None:
    asked = persistence(maxidle_s=100, maxlife_s=300).read(request(b"SRV=" + value))
    assert asked.letter == letter
    assert (asked.server is not None) is (letter == "V" or b"SRV=sa|" in value)


def answered(made: Persistence[Server], asked: Presented[Server], **options: Any) -> tuple[str, list[bytes]]:
    head = response(b'ETag: "a"')
    server = options.pop("server", A)
    method = options.pop("method", b"GET")
    letter = made.answer(head, method, asked, server, direct=options.pop("direct", False))
    return letter, [*values(head), *values(head, b"cache-control")]


def none() -> Presented[Server]:
    return persistence().read(request())


def test_the_cookie_is_inserted() -> None:
    made = persistence()
    assert none() is ABSENT
    assert answered(made, none()) == ("I", [b"SRV=sa; path=/"])
    assert answered(made, none(), direct=True) == ("N", [])
    assert answered(made, none(), server=None) == ("N", [])
    assert answered(made, none(), server=Server(b""))[1][0].startswith(b"SRV=; Expires=")
    assert answered(persistence(nocache=True), none()) == ("I", [b"SRV=sa; path=/", b"private"])
    assert answered(persistence(nocache=True), none(), method=b"POST") == ("I", [b"SRV=sa; path=/"])
    assert answered(persistence(postonly=True), none()) == ("N", [])
    assert answered(persistence(postonly=True), none(), method=b"POST")[0] == "I"
    assert answered(persistence("rewrite"), none()) == ("N", [])


def test_preserve_lets_the_server_set_its_own() -> None:
    made = persistence(preserve=True)
    head = response(b"Set-Cookie: SRV=own")
    assert made.answer(head, b"GET", none(), A, direct=False) == "P"
    assert values(head) == [b"SRV=own"]
    assert answered(made, none())[0] == "I"


@pytest.mark.parametrize(
    ("settings", "value", "letter", "cookie"),
    [
        ({"maxidle_s": 100}, b"", "U", b"SRV=sa|%b; path=/" % at(0)),
        ({"maxidle_s": 100}, b"|%b" % at(50), "U", b"SRV=sa|%b; path=/" % at(0)),
        ({"maxidle_s": 100}, b"|%b" % at(-8), "N", None),
        ({"maxidle_s": 100}, b"|%b|%b" % (at(-8), at(9)), "U", b"SRV=sa|%b; path=/" % at(0)),
        ({"maxlife_s": 100}, b"", "U", b"SRV=sa|%b|%b; path=/" % (at(0), at(0))),
        ({"maxlife_s": 100}, b"|%b|%b" % (at(-8), at(48)), "N", None),
        ({"maxlife_s": 100}, b"|%b|%b" % (at(8), at(48)), "U", b"SRV=sa|%b|%b; path=/" % (at(0), at(48))),
        ({}, b"", "N", None),
        ({}, b"|%b" % at(8), "U", b"SRV=sa; path=/"),
    ],
)
def test_dates_are_renewed(settings: dict[str, Any], value: bytes, letter: str, cookie: bytes | None) -> None:
    made = persistence(**settings)
    asked = made.read(request(b"SRV=sa" + value))
    assert answered(made, asked, direct=True) == (letter, [] if cookie is None else [cookie])


def test_letters() -> None:
    assert persistence().letters(none(), "I") == "NI"
    assert persistence("").letters(none(), "P") == "--"
    assert persistence("", indirect=True).letters(none(), "P") == "NP"


def test_what_is_remembered_is_bounded() -> None:
    made = persistence(indirect=True)
    for number in range(5000):
        made.read(request(b"a=%d; SRV=sb" % number))
    assert len(made._lines) <= 4096
    assert len(made._blocks) <= 512
    long = request(b"a=%b; SRV=sb" % bytes(b"x" * 3000))
    made.read(long)
    assert values(long, b"cookie") == [b"a=" + b"x" * 3000]
    assert all(len(line) <= 512 for line in made._lines)
    assert all(len(block) <= 2048 for block in made._blocks)


def test_heads_that_rules_have_changed() -> None:
    made = persistence(indirect=True)
    head = request(b"SRV=sb; a=1")
    head.add(b"x", b"y")
    head.replace(head.fields)
    assert made.read(head).server is B
    assert values(head, b"cookie") == [b"a=1"]


def test_who_is_led_elsewhere_has_a_cookie_without_use() -> None:
    made = persistence()
    asked = made.read(request(b"SRV=sa"), led=True)
    assert (asked.server, asked.letter, asked.ignored) == (None, "U", False)
    assert made.read(request(), led=True).letter == "N"
