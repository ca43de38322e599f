from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.http1.chunks import Unchunker, framed


def test_framed() -> None:
    assert framed(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert framed(b"") == b""


BODY = b"3\r\nabc\r\n5;x=y\r\ndefgh\r\n1 \r\n\n\r\n0\r\nX-T: 1\r\n\r\n"


@given(st.lists(st.integers(0, len(BODY)), max_size=8))
def test_any_split_gives_the_same(cuts: list[int]) -> None:
    places = sorted({*cuts, 0, len(BODY)})
    chunks = Unchunker()
    data = b"".join(chunks.feed(BODY[start:end]) for start, end in pairwise(places))
    assert data == b"abcdefgh\n"
    assert chunks.trailers == b"X-T: 1\r\n\r\n"
