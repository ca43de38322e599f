from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import after, after_response, problem

PLAIN = b"GET /p/a?q=1 HTTP/1.1\r\nHost: h\r\n\r\n"
ABSOLUTE = b"GET http://h/p?q HTTP/1.1\r\nHost: h\r\n\r\n"
STAR = b"OPTIONS * HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "plain", "absolute", "star"),
    [
        ("set-path /n", b"/n?q=1", b"http://h/n?q", b"/n"),
        ("set-path %[hdr(none)]", b"?q=1", b"http://h?q", b"*"),
        ('set-path "/a b"', b"/a%20b?q=1", b"http://h/a%20b?q", b"/a%20b"),
        ("set-pathq /n?z", b"/n?z", b"http://h/n?z", b"/n?z"),
        ("set-query z", b"/p/a?z", b"http://h/p?z", b"*?z"),
        ("set-query %[hdr(none)]", b"/p/a?", b"http://h/p?", b"*"),
        ("set-uri /u", b"/u", b"/u", b"/u"),
        ("set-uri %[hdr(none)]", b"/p/a?q=1", b"http://h/p?q", b"*"),
        ("replace-path ^/p(.*) /z\\\\1", b"/z/a?q=1", b"http://h/z?q", b"*"),
        ("replace-path none z", b"/p/a?q=1", b"http://h/p?q", b"*"),
        ("replace-pathq q r", b"r", b"http://hr", b"*"),
        ("replace-uri ^/(.*) /n/\\\\1", b"/n/p/a?q=1", b"http://h/p?q", b"*"),
        ("replace-uri .* %[hdr(none)]", b"/p/a?q=1", b"http://h/p?q", b"*"),
    ],
)
def test_targets(line: str, plain: bytes, absolute: bytes, star: bytes) -> None:
    found = [after(f"http-request {line}", request=data)[0].request.target for data in (PLAIN, ABSOLUTE, STAR)]
    assert found == [plain, absolute, star]


def test_an_absolute_target_brings_its_host() -> None:
    assert after("http-request set-uri http://o/u", request=PLAIN)[0].request.values(b"host") == [b"o"]
    assert after("http-request set-uri http://o/u", request=STAR)[0].request.values(b"host") == []


def test_methods() -> None:
    assert after("http-request set-method %[str(PUT)]")[0].request.method == b"PUT"
    assert after("http-request set-method %[str('a b')]")[0].request.method == b"GET"


@pytest.mark.parametrize(
    ("words", "status", "reason"),
    [("503", 503, b"Service Unavailable"), ("299", 299, b"Success"), ('200 reason "Quite so"', 200, b"Quite so")],
)
def test_status(words: str, status: int, reason: bytes) -> None:
    response = after_response(f"http-response set-status {words}")[0].response
    assert response is not None
    assert (response.status, response.reason) == (status, reason)


def test_requests_that_are_sent_once() -> None:
    facts, _ = after("http-request disable-l7-retry if { path /nowhere }")
    assert not facts.once_only
    facts, _ = after("http-request disable-l7-retry")
    assert facts.once_only
    facts.begin(facts.request, (0, 0))
    assert not facts.once_only


def test_problems() -> None:
    assert problem("http-response set-status 99") == "'http-response set-status' has to be >= 100, not 99"
    assert problem("http-request replace-path ( x").startswith("'http-request replace-path' regex '(' is invalid")
