"""Heads of requests: what HAProxy passes on, changes and refuses, wproxy does too, byte for byte."""

from __future__ import annotations

from tests.support.http_beside import Case, compare, report, says

REQUESTS: tuple[bytes, ...] = (
    b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"CONNECT a:80 HTTP/1.1\r\nHost: b:80\r\n\r\n",
    b"CONNECT / HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nNocolon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n"*99 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n"*100 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n"*101 + b"\r\n",
    b"GET /" + b"a"*16000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /" + b"a"*15200 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /" + b"a"*15000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a"*17000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo\r\nConnection: close\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n\r\nabc",
    b"POST / HTTP/1.0\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, deflate\r\nConnection: TE\r\n\r\n",
    b"GET /" + b" HTTP/1.1\r\nHost: a\r\nX: \x80\x85\r\n\r\n",
    b"GET /%00%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /a\"<>\\^`{|}b HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.10\r\nHost: a\r\n\r\n",
    b"GET / XTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\td\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n \r\n\r\n",
    b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET //a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET https://a:443/x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://u:p@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://A/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a:80\r\n\r\n",
    b"GET http://a/ HTTP/1.1\r\nHost: a:81\r\n\r\n",
    b"GET /x?a=b HTTP/1.1\r\nHost: a:80\r\n\r\n",
)


def case(request: bytes) -> Case:
    name = repr(request) if len(request) < 200 else f"{request[:60]!r}...{len(request)}"
    return Case(name, says(request))


def test_requests() -> None:
    differing = compare([case(request) for request in REQUESTS])
    assert not differing, report(differing)
