from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import REQUEST, after, after_response, front, problem

LINES = (
    "capture request header Foo len 3",
    "capture request header None len 3",
    "capture response header X len 9",
    "capture cookie b len 3",
)


def test_fields() -> None:
    assert after(*LINES)[0].captures == ["e", None]
    assert after_response(*LINES)[0].response_captures == ["a, b"]


@pytest.mark.parametrize(
    ("name", "sent", "response", "set_"),
    [("b", "b=22", b"b=1; b=2", "b=1"), ("b=", "b=22", b"bb=1", None), ("x", None, b"a=1; x=2", None)],
)
def test_cookies(name: str, sent: str | None, response: bytes, set_: str | None) -> None:
    line = f"capture cookie {name} len 9"
    assert after(line)[0].captured_cookie == sent
    data = b"HTTP/1.1 200 OK\r\nSet-Cookie: %b\r\n\r\n" % response
    assert after_response(line, response=data)[0].captured_set_cookie == set_


def test_everything_together() -> None:
    facts, _ = after(*LINES)
    assert facts.captured_cookie == "b=2"
    facts, _ = after_response(*LINES)
    assert facts.captured_set_cookie is None
    assert front().captures is None
    only = front("capture response header X len 9").captures
    assert only is not None
    assert only.request is None


def test_nothing_to_capture() -> None:
    assert after(*LINES, request=b"GET / HTTP/1.0\r\n\r\n")[0].captures == [None, None]
    assert REQUEST.count(b"Foo") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("declare capture both len 3", "'declare capture both' expects 'request' or 'response', not 'both'"),
        ("declare capture request", "'declare capture request' expects 'len <length>'"),
        ("declare capture request len 0", "'declare capture request' has to be > 0, not 0"),
        ("declare capture request len 1 x", "'declare capture request' cannot handle unexpected argument 'x'"),
        ("capture request head X len 1", "'capture request head' expects 'header <name> len <length>'"),
        ("capture cookie x", "'capture cookie x' expects 'len <length>'"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(line) == message
