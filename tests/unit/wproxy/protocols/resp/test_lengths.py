from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.resp.lengths import payloads, sized

MOST = 123
SIZED = re.compile(sized(MOST) + b"!", re.DOTALL)
PLACES = payloads(MOST)


@pytest.mark.parametrize("size", range(MOST + 1))
def test_every_length_is_known_and_only_with_as_many_bytes(size: int) -> None:
    text = b"%d\r\n" % size + b"\r\n"[: size % 3] + b"x" * (size - len(b"\r\n"[: size % 3]))
    text = text[: len(b"%d\r\n" % size) + size]
    assert SIZED.fullmatch(text + b"!")
    assert text[PLACES[len(text)]] == text.partition(b"\r\n")[2]
    assert not SIZED.fullmatch(text + b"x!")
    assert not SIZED.fullmatch(text[:-1] + b"!")
    assert not SIZED.fullmatch(b"0" + text + b"!")


@pytest.mark.parametrize(
    "text", [b"124\r\n" + b"x" * 124, b"\r\n", b"-1\r\n", b"+1\r\nx", b"1\nx", b"1\rx", b" 1\r\nx"]
)
def test_what_is_no_length_is_not_matched(text: bytes) -> None:
    assert not SIZED.fullmatch(text + b"!")


@given(st.binary(max_size=MOST))
def test_the_bytes_may_be_any(data: bytes) -> None:
    text = b"%d\r\n%b" % (len(data), data)
    assert SIZED.fullmatch(text + b"!")
    assert text[PLACES[len(text)]] == data
