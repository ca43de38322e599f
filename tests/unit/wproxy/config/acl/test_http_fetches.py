from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import RESPONSE, holds, http_facts, value
from wproxy.config.acl.http_fetches import HTTP_FETCHES

BEARER = b"GET /x HTTP/1.0\r\nAuthorization: Bearer tok\r\nOther: Bearer two\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("method", "GET"),
        ("req.ver", "1.1"),
        ("req_proto_http", True),
        ("http_first_req", True),
        ("capture.req.method", "GET"),
        ("capture.req.uri", "/a/b?x=1&y=2;x=3"),
        ("capture.req.ver", "HTTP/1.1"),
        ("capture.req.hdr(0)", None),
        ("capture.req.hdr(7)", None),
        ("var(txn.text)", "word"),
        ("var(txn.none)", None),
        ("var(txn.none,x)", "x"),
        ("var(txn.text,x)", "word"),
        ("http_auth(users)", True),
        ("http_auth_group(users)", "u"),
        ("http_auth_user", "u"),
        ("http_auth_pass", "p"),
        ("http_auth_type", "Basic"),
        ("http_auth_bearer", None),
    ],
)
def test_requests(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http_auth_type", "Bearer"),
        ("http_auth_bearer", "tok"),
        ("http_auth_bearer(other)", "two"),
        ("http_auth_bearer(none)", None),
        ("http_auth_user", None),
        ("http_auth_pass", None),
        ("http_auth_group(users)", None),
    ],
)
def test_other_logins(text: str, expected: object) -> None:
    assert value(text, BEARER) == expected


def test_no_login() -> None:
    assert value("http_auth_type", b"GET / HTTP/1.0\r\n\r\n") is None
    assert not holds("{ http_auth_group(users) g }", BEARER)
    assert holds("{ http_auth_group(users) g }")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status", 404),
        ("res.ver", "1.1"),
        ("capture.res.ver", "HTTP/1.1"),
        ("srv_name", "s"),
        ("srv_id", 3),
        ("capture.res.hdr(0)", None),
        ("capture.res.hdr(4)", None),
    ],
)
def test_responses(text: str, expected: object) -> None:
    assert value(text, response=RESPONSE) == expected


@pytest.mark.parametrize(
    ("target", "expected"), [("http://h/p", "/p"), ("http://h", None), ("*", None), ("h:80", None)]
)
def test_where_the_target_begins(target: str, expected: str | None) -> None:
    method = "CONNECT" if target == "h:80" else "GET"
    assert value("capture.req.uri", f"{method} {target} HTTP/1.0\r\n\r\n".encode()) == expected


def test_before_there_is_a_response() -> None:
    made = http_facts()
    rows = {row.name: row for row in HTTP_FETCHES}
    assert [rows[name].make()(made) for name in ("status", "res.ver", "capture.res.ver", "srv_name", "srv_id")] == [
        None
    ] * 5
