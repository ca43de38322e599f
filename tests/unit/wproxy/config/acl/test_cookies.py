from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import RESPONSE, holds, http_facts, value
from wproxy.config.acl.cookies import response_values


def request(cookie: str) -> bytes:
    return f"GET / HTTP/1.0\r\nCookie: {cookie}\r\n\r\n".encode("latin-1")


@pytest.mark.parametrize(
    ("cookie", "first", "named", "count"),
    [
        ("a=1; b=2", "1", "1", 2),
        ("b=2 ;a=1;a=3", "2", "3", 3),
        ("a=", "", None, 1),
        ("a=;", "", "", 1),
        ("b=1; a=", "1", "", 2),
        ("=", None, None, 0),
        ("a", None, None, 0),
        ('a="x;y"; b=1', '"x;y"', '"x;y"', 2),
        ("b=1,a=2", "1", "2", 2),
        ("1 a=2", "2", None, 1),
        ("", None, None, 0),
    ],
)
def test_requests(cookie: str, first: str | None, named: str | None, count: int) -> None:
    data = request(cookie)
    assert [value(text, data) for text in ("req.cook", "req.cook(a)", "cookie(a)", "cook_cnt")] == [
        first, named, named, count,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("res.cook(s)", "1"),
        ("scook(t)", "2"),
        ("res.cook", "1"),
        ("cookie(path)", None),
        ("scook_val(t)", 2),
        ("scook_cnt(s)", 1),
    ],
)
def test_responses(text: str, expected: object) -> None:
    assert value(text, response=RESPONSE) == expected


def test_conditions_look_at_all() -> None:
    assert holds("{ cook(a) 3 } { cook(a) 1 } { cook_val(b) 22 } { cook_beg(b) 2 } !{ cook(b) 2 }")


def test_nobody_sets_any_without_a_response() -> None:
    assert list(response_values(http_facts(), "")) == []
    assert list(response_values(http_facts(response=RESPONSE), "")) == ["1", "2"]
