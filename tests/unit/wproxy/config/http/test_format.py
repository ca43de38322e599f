from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import RESPONSE, http_facts, http_scope
from wproxy.config.acl.facts import Stage
from wproxy.config.http.format import VARIABLES, compile_format, constant

DATE = "14/Nov/2023:22:13:20"


def made(text: str, response: bytes | None = None) -> str:
    stage = Stage.REQUEST if response is None else Stage.RESPONSE
    return compile_format(text, http_scope(stage))(http_facts(response=response))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("a  b", "a  b"),
        ("%ci:%cp %fi:%fp", "10.1.2.3:4000 127.0.0.1:80"),
        ("%{+X}ci %{+X}cp", "0A010203 0FA0"),
        ("%f %ft %b %s %H", "front front front <NOSRV> here"),
        ("%HM %HU %HP %HPO %HQ %HV", "GET /a/b?x=1&y=2;x=3 /a/b /a/b ?x=1&y=2;x=3 HTTP/1.1"),
        ("%r", "GET /a/b?x=1&y=2;x=3 HTTP/1.1"),
        ("%{+Q}HM", '"GET"'),
        ("%{+E}HM", "GET"),
        ("%ST", "-1"),
        ("%Ts%ms", "1700000000123"),
        ("%T|%trg", f"{DATE} +0000|{DATE} +0000"),
        ("%t|%tr", f"{DATE}.123|{DATE}.123"),
        ("%[path]x", "/a/bx"),
        ("%[hdr(none)]", ""),
        ("%[int(7)] %[src]", "7 10.1.2.3"),
        ('%[str("a\\r\\n\\tb")]', "a%0D%0A\tb"),
        ('%{+E}[str("a]b")]', "a\\]b"),
        ("%[str(é)]é", "\xc3\xa9\xc3\xa9"),
    ],
)
def test_texts(text: str, expected: str) -> None:
    assert made(text) == expected


def test_of_responses() -> None:
    assert made("%ST %s %[status]", RESPONSE) == "404 s 404"


def test_local_dates_and_unix_sockets() -> None:
    facts = http_facts()
    facts.source = None
    assert compile_format("%ci", http_scope())(facts) == "unix"
    assert all(VARIABLES[name](facts) for name in ("Tl", "trl"))


@pytest.mark.parametrize(("text", "expected"), [("a %% b", "a % b"), ("", ""), ("%ci", None), ("a%ci", None)])
def test_constants(text: str, expected: str | None) -> None:
    assert constant(text, http_scope()) == expected
