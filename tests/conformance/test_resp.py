"""What a real redis-server makes of the same bytes: arguments, protocol errors, errors of commands."""

from __future__ import annotations

from collections.abc import Iterator

import hiredis
import pytest

from tests.support.programs import redis_server
from tests.support.resp import Client
from tests.unit.wproxy.protocols.resp.test_inline import SPLIT, UNBALANCED
from tests.unit.wproxy.protocols.resp.test_requests import ERRORS
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import fault, rules
from wproxy.protocols.resp import RequestError, RequestParser
from wproxy.protocols.resp.inline import split_inline

RULES = rules(parse_rows(ROWS), frozenset(), by_key=True)


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


def answer_until_closed(port: int, data: bytes) -> bytes:
    with Client(port) as client:
        client.send(data)
        return client.rest()


def ours(data: bytes) -> str:
    """Return how our parser ends on `data`."""
    parser = RequestParser()
    parser.feed(data)
    try:
        while parser.take(9):
            pass
    except RequestError as error:
        return str(error)
    return "no error"


# Redis has no error for these: it skips what should be CRLF, and closes on HTTP without a word.
DIFFERENT = ("expected CRLF after bulk payload", "this is HTTP")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        *((data, error) for data, error in ERRORS.items() if error not in DIFFERENT and data != b"*1048577\r\n"),
        (b"*" + b"1" * 70_000, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
        (b"x" * 70_000, "too big inline request"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_protocol_errors(redis: int, data: bytes, expected: str) -> None:
    assert answer_until_closed(redis, data) == b"-ERR Protocol error: %b\r\n" % expected.encode("latin-1")
    assert ours(data) == expected


@pytest.mark.parametrize("data", [b"POST / HTTP/1.1\r\nSET k v\r\n", b"Host: x\r\nSET k v\r\n"])
def test_http_is_cut_off_in_front_of_its_body(redis: int, data: bytes) -> None:
    assert answer_until_closed(redis, data) == b""
    assert ours(data) == "this is HTTP"


@pytest.mark.parametrize("line", [*SPLIT, *UNBALANCED], ids=repr)
def test_inline_arguments(redis: int, line: bytes) -> None:
    with Client(redis) as client:
        client.send(b'EVAL "return ARGV" 0 %b\r\n' % line)
        reply = client.reply()
    if isinstance(reply, hiredis.ReplyError):
        assert str(reply) == "ERR Protocol error: unbalanced quotes in request"
        assert line in UNBALANCED
    else:
        assert split_inline(line) == reply


@pytest.mark.parametrize("first", range(0x20, 0x7F))
def test_inline_arguments_of_every_short_line(redis: int, first: int) -> None:
    """Two characters inside quotes and behind a backslash: the whole alphabet of the quoting rules."""
    lines = [b'"\\%c%c"' % (first, second) for second in b"x0\"\\ '"]
    with Client(redis) as client:
        for line in lines:
            client.send(b'EVAL "return ARGV" 0 %b\r\n' % line)
            reply = client.reply()
            if isinstance(reply, hiredis.ReplyError):
                with pytest.raises(Exception, match="unbalanced quotes"):
                    split_inline(line)
                return
            assert split_inline(line) == reply


@pytest.mark.parametrize(
    "arguments",
    [
        [b"foo"], [b"FOO", b"a", b"b c"], [b"f" * 200, b"a"], [b"foo", b"a" * 200, b"b"], [b"foo", *[b"abc"] * 60],
        [b"foo", b"a" * 120, b"b" * 120, b"c"], [b"foo", b"\r\n", b"a\nb"], [b"foo", b""], [b""], [b"foo", b"\xff"],
        [b"get"], [b"GET", b"a", b"b"], [b"MSet", b"k"], [b"setex", b"k", b"1"], [b"del"], [b"OBJECT"],
    ],
)  # fmt: skip
def test_errors_of_commands(redis: int, arguments: list[bytes]) -> None:
    with Client(redis) as client:
        packed = b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in arguments)
        expected = fault(RULES.get(arguments[0].upper()), arguments, "key")
        assert expected is not None
        assert client.raw(packed, len(expected)) == expected
        assert client.ask("PING") == b"PONG"
