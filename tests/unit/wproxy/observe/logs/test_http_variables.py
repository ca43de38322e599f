from __future__ import annotations

import os

import pytest

from tests.unit.wproxy.observe.logs.requests import Request, request
from wproxy.config.log_formats import HTTP_VARIABLES, TCP_VARIABLES
from wproxy.observe.logs.http_variables import HttpRecord, encoded, http_variables
from wproxy.observe.logs.variables import variables

AHEAD_S = 1_234_567_790.25


def record(of: Request | None = None, *, unfinished: bool = False) -> HttpRecord:
    made = of or request()
    return HttpRecord(made, made.facts, 100.5, AHEAD_S, 7, 5, 2, unfinished)


def value(name: str, of: HttpRecord | None = None) -> object:
    [row] = [row for row in http_variables("here") if row.name == name]
    return row.value(of or record())


def test_there_is_a_row_for_each_name_that_a_format_may_have() -> None:
    assert {row.name for row in http_variables("here")} == HTTP_VARIABLES
    assert {row.name for row in variables()} == TCP_VARIABLES
    assert all(row.title for row in http_variables("here"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("B", "345"), ("CC", None), ("CS", None), ("H", "here"), ("HM", "GET"), ("HP", "/a/b"), ("HPO", "/a/b"),
        ("HQ", "?x=1&y=2;x=3"), ("HU", "/a/b?x=1&y=2;x=3"), ("HV", "HTTP/1.1"), ("ST", 200), ("TR", 10),
        ("Ta", "500"), ("Tc", 30), ("Td", 400), ("Th", 0), ("Ti", 1000), ("Tq", 1010), ("Tr", 40),
        ("Ts", 1_234_567_889), ("Tt", "1500"), ("Tw", 20), ("U", "12"), ("ac", 7), ("b", "back"), ("bc", 5),
        ("bq", 0), ("ci", "192.0.2.1"), ("cp", 4711), ("f", "front"), ("fc", 1), ("fi", "192.0.2.2"), ("fp", 80),
        ("ft", "front"), ("hr", "{|}"), ("hrl", [None, None]), ("hs", "{}"), ("hsl", [None]), ("ms", "250"),
        ("r", "GET /a/b?x=1&y=2;x=3 HTTP/1.1"), ("rc", "0"), ("rt", 0), ("s", "a"), ("sc", 2), ("sq", 0),
        ("ts", "--"), ("tsc", "----"),
    ],
)  # fmt: skip
def test_values(name: str, expected: object) -> None:
    assert value(name) == expected


def test_the_process() -> None:
    assert value("pid") == os.getpid()


def test_dates() -> None:
    assert all(str(value(name)).endswith(".250") for name in ("t", "tr"))
    assert all(str(value(name)).endswith(" +0000") for name in ("T", "trg"))
    assert all(str(value(name))[-5] in "+-" for name in ("Tl", "trl"))


def test_a_request_that_was_none() -> None:
    made = request(known=False)
    made.server = made.assigned_at = made.connected_at = made.responded_at = None
    made.status = 0
    of = record(made)
    names = ("HM", "HU", "r", "hr", "hrl", "CC", "CS", "ST", "s", "si", "sp", "TR", "Tq", "Tw", "Tc", "Tr", "b")
    assert [value(name, of) for name in names] == [
        "<BADREQ>", "<BADREQ>", "<BADREQ>", "", [], None, None, -1, "<NOSRV>", None, None, -1, -1, -1, -1, -1, "front",
    ]  # fmt: skip


def test_addresses_of_servers() -> None:
    made = request()
    assert made.server is not None
    assert [value(name, record(made)) for name in ("si", "sp")] == [made.server.address.host, made.server.address.port]


@pytest.mark.parametrize(("target", "path"), [(b"http://h/p?q", "/p"), (b"http://h", ""), (b"*", "")])
def test_paths(target: bytes, path: str) -> None:
    made = request()
    assert made.facts is not None
    made.facts.target = target
    assert value("HPO", record(made)) == path


def test_captured_values_are_made_safe() -> None:
    made = request()
    assert made.facts is not None
    made.facts.captures = ["{a|b}", None]
    made.facts.captured_cookie = "a=1"
    of = record(made)
    assert [value(name, of) for name in ("hr", "hrl", "CC")] == ["{#7Ba#7Cb#7D|}", ["#7Ba#7Cb#7D", None], "a=1"]


def test_what_will_grow_and_what_was_tried_again() -> None:
    made = request()
    made.retries, made.redispatched, made.session.secure = 2, True, True
    of = record(made, unfinished=True)
    assert [value(name, of) for name in ("B", "Ta", "rc", "ft")] == ["+345", "+500", "+2", "front~"]


@pytest.mark.parametrize(
    ("text", "safe"), [("plain", "plain"), ('a"b#', "a#22b#23"), ("\xe9\n", "#E9#0A"), ("{", "{"), ("\x7f", "#7F")]
)
def test_encoded(text: str, safe: str) -> None:
    assert encoded(text) == safe
