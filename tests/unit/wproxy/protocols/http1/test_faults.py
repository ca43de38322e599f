from __future__ import annotations

import pytest

from wproxy.protocols.http1.faults import position

BEGIN = b"GET / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"junk\r\n\r\n", 4),
        (b"\r\n\0\r\n", 2),
        (b"GET / HTTP/1.1\nX y\n\n", 16),
        (BEGIN + b"X y: z\r\nZ: 1\r\n\r\nmore", 26),
        (BEGIN + b": z\r\n\r\n", 25),
        (BEGIN + b"X: a\0b\r\n\r\n", 29),
        (BEGIN + b"X: a\rb\r\n\r\n", 29),
        (BEGIN + b"X: a\r\n b\r\nX y\r\n\r\n", 36),
        (BEGIN + b"Content-Length: x\r\n\r\n", 41),
        (BEGIN + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 41),
        (BEGIN + b"Transfer-Encoding:x", 43),
        (BEGIN + b"X: y\r\n\r\n", 0),
        (b"HTTP/1.1 200 OK\r\nX: y\r\nb d: x\r\n\r\n", 24),
    ],
)
def test_positions(data: bytes, expected: int) -> None:
    assert position(data) == expected
