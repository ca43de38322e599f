"""Servers and heads for the tests of cookies."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.pure_http import request_of, response_of
from wproxy.protocols.http1.heads import Head, RequestHead, ResponseHead


@dataclass(eq=False)
class Server:
    """What a cookie may lead to."""

    cookie: bytes
    running: bool = True


def request(*cookies: bytes) -> RequestHead:
    lines = b"".join(b"Cookie: %b\r\n" % cookie for cookie in cookies)
    return request_of(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % lines)


def response(*lines: bytes) -> ResponseHead:
    return response_of(b"HTTP/1.1 200 OK\r\n%b\r\n" % b"".join(line + b"\r\n" for line in lines))


def values(head: Head, name: bytes = b"set-cookie") -> list[bytes]:
    """Return the values of a field, which the lines to be sent must agree with."""
    sent = [line for line in head.joined().split(b"\r\n") if line.startswith(name + b":")]
    found = head.values(name)
    assert sent == [b"%b: %b" % (name, value) for value in found]
    return found
