from __future__ import annotations

import hiredis
import pytest

from wproxy.protocols.resp.values import array, bulk, error, integer, mapping, simple


def decoded(data: bytes) -> object:
    reader = hiredis.Reader()
    reader.feed(data)
    value = reader.gets()
    assert reader.gets() is False
    return value


def test_values_decode_to_what_they_were_made_of() -> None:
    assert decoded(simple("OK")) == b"OK"
    assert decoded(integer(-3)) == -3
    assert decoded(bulk(b"a\r\nb")) == b"a\r\nb"
    assert decoded(bulk(b"")) == b""
    assert decoded(array([integer(1), array([]), bulk(b"x")])) == [1, [], b"x"]
    assert decoded(mapping({b"a": integer(1), b"b": bulk(b"c")}, 2)) == [b"a", 1, b"b", b"c"]
    assert decoded(mapping({b"a": integer(1), b"b": bulk(b"c")}, 3)) == {b"a": 1, b"b": b"c"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERR no", b"-ERR no\r\n"),
        ("ERR a\r\nb\nc", b"-ERR a b c\r\n"),
        ("ERR é", b"-ERR \xe9\r\n"),
    ],
)
def test_an_error_is_one_line(text: str, expected: bytes) -> None:
    assert error(text) == expected
