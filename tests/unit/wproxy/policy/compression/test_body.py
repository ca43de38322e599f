from __future__ import annotations

import zlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.http.squeezing import Algorithm
from wproxy.policy.compression.body import CompressedBody
from wproxy.protocols.http1.bodies import Chunked, Progress
from wproxy.protocols.http1.chunks import Unchunker, framed


def received(sent: bytes) -> bytes:
    """Return what a client reads: well-formed chunks to the end, decompressed."""
    body, chunks = Chunked(), Unchunker()
    assert body.take(sent) == len(sent)
    assert body.progress is Progress.DONE
    return zlib.decompress(chunks.feed(sent), 31)


@given(parts=st.lists(st.binary(max_size=100), min_size=1, max_size=6))
def test_a_body_with_a_length(parts: list[bytes]) -> None:
    body = CompressedBody(Algorithm.GZIP, chunked=False)
    sent = b"".join(body.pass_on(part, last=number == len(parts) - 1) for number, part in enumerate(parts))
    assert received(sent) == b"".join(parts)
    assert body.taken == sum(map(len, parts))
    assert body.made > 0


@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 400), max_size=4), sizes=st.integers(1, 60))
def test_a_chunked_body_cut_anywhere(data: bytes, cuts: list[int], sizes: int) -> None:
    chunks = b"".join(framed(data[at : at + sizes]) for at in range(0, len(data), sizes)) + b"0\r\nX-T: 1\r\n\r\n"
    places = sorted({min(cut, len(chunks)) for cut in cuts} | {0, len(chunks)})
    body = CompressedBody(Algorithm.GZIP, chunked=True)
    sent = b"".join(body.pass_on(chunks[start:end], last=end == len(chunks)) for start, end in pairwise(places))
    assert received(sent) == data
    assert sent.endswith(b"0\r\nX-T: 1\r\n\r\n")
    assert body.taken == len(data)


def test_identity_is_framed_anew() -> None:
    body = CompressedBody(Algorithm.IDENTITY, chunked=False)
    assert body.pass_on(b"abc", last=False) + body.pass_on(b"", last=True) == b"3\r\nabc\r\n0\r\n\r\n"
