from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import after, problem
from wproxy.config.http.model import Answer

PLAIN = b"GET /p/a?q=1 HTTP/1.1\r\nHost: h:80\r\n\r\n"
STAR = b"OPTIONS * HTTP/1.0\r\n\r\n"


def location(line: str, request: bytes = PLAIN, keyword: str = "http-request redirect") -> bytes:
    found = after(f"{keyword} {line}", request=request)[1]
    assert isinstance(found, Answer)
    return dict(found.fields)[b"location"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("location /x%[path]", b"/x/p/a"),
        ("prefix http://y", b"http://y/p/a?q=1"),
        ("prefix /", b"/p/a?q=1"),
        ("prefix /x drop-query", b"/x/p/a"),
        ("prefix /x append-slash", b"/x/p/a?q=1/"),
        ("prefix /x drop-query append-slash", b"/x/p/a/"),
        ("scheme https", b"https://h:80/p/a?q=1"),
    ],
)
def test_locations(line: str, expected: bytes) -> None:
    assert location(line) == expected


def test_without_path_and_host() -> None:
    assert (location("prefix /x", STAR), location("scheme https append-slash", STAR)) == (b"/x/", b"https:///")


def test_the_keyword_knows_no_format() -> None:
    assert location("location /%[path]", keyword="redirect") == b"/%[path]"


@pytest.mark.parametrize(
    ("line", "status", "more"),
    [
        ("location /", 302, [(b"cache-control", b"no-cache")]),
        ("location / code 301", 301, []),
        ("location / code 308 set-cookie A=1", 308, [(b"set-cookie", b"A=1; path=/;")]),
        (
            "location / code 303 clear-cookie A=",
            303,
            [(b"cache-control", b"no-cache"), (b"set-cookie", b"A=; path=/; Max-Age=0;")],
        ),
    ],
)
def test_answers(line: str, status: int, more: list[tuple[bytes, bytes]]) -> None:
    found = after(f"http-request redirect {line}")[1]
    assert isinstance(found, Answer)
    assert (found.status, found.cause, list(found.fields[1:])) == (status, "LR", more)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("http-request redirect", "'http-request redirect' expects 'location', 'prefix' or 'scheme'"),
        ("http-request redirect location", "'http-request redirect' expects a text after 'location'"),
        (
            "http-request redirect location / code 305",
            "'http-request redirect' knows the codes 301, 302, 303, 307, 308, not '305'",
        ),
        ("redirect locaton /", "'redirect locaton' knows no argument 'locaton'; did you mean 'location'?"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(line) == message
