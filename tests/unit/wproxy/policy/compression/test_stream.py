from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.http.squeezing import Algorithm
from wproxy.policy.compression.stream import stream

BITS = {Algorithm.GZIP: 31, Algorithm.DEFLATE: 15, Algorithm.RAW_DEFLATE: -15}


@pytest.mark.parametrize("algorithm", BITS)
@given(parts=st.lists(st.binary(max_size=200), max_size=8))
def test_what_was_fed_comes_out_at_once_and_whole(algorithm: Algorithm, parts: list[bytes]) -> None:
    made, unzip = stream(algorithm), zlib.decompressobj(BITS[algorithm])
    for part in parts:
        assert unzip.decompress(made.feed(part)) == part
    assert unzip.decompress(made.finish()) == b""
    assert unzip.eof


def test_identity() -> None:
    made = stream(Algorithm.IDENTITY)
    assert (made.feed(b"abc"), made.feed(b""), made.finish()) == (b"abc", b"", b"")


def test_it_compresses() -> None:
    assert len(stream(Algorithm.GZIP).feed(b"hello world " * 1000)) < 500
