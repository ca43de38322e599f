from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.http1.bodies import Body, Chunked, Counted, Progress, UntilClose, unchunked

BEHIND = b"GET / HTTP/1.1\r\n"


def feed(body: Body, pieces: list[bytes]) -> int:
    """Feed pieces as long as they are taken whole; return how many bytes belong to the body."""
    taken = 0
    for piece in pieces:
        size = body.take(piece)
        taken += size
        if size < len(piece) or body.progress is not Progress.OPEN:
            break
    return taken


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(at)]


PLACES = st.lists(st.integers(0, 1 << 20), max_size=12)


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a chunked body and what it holds."""
    parts, wire = [], b""
    for data in draw(st.lists(st.binary(min_size=1, max_size=300), max_size=6)):
        zeros = b"0" * draw(st.integers(0, 3))
        size = draw(st.sampled_from([b"%x", b"%X"])) % len(data)
        extension = draw(st.sampled_from([b"", b" ", b"\t", b";", b";a=b", b' ;a="b c"', b";\xff\x01\t"]))
        wire += zeros + size + extension + b"\r\n" + data + b"\r\n"
        parts.append(data)
    wire += b"0" * draw(st.integers(1, 3)) + draw(st.sampled_from([b"", b";last"])) + b"\r\n"
    for name in draw(st.lists(st.sampled_from([b"X", b"Content-Length", b"a-b"]), max_size=3)):
        wire += name + b":" + draw(st.sampled_from([b"", b" v", b"\tv\xff "])) + b"\r\n"
    return wire + b"\r\n", b"".join(parts)


@given(chunked_bodies(), PLACES, st.sampled_from([b"", BEHIND, b"\r\n", b"0\r\n\r\n"]))
def test_chunks_end_at_the_same_byte_however_they_come(
    made: tuple[bytes, bytes], places: list[int], rest: bytes
) -> None:
    wire, data = made
    body = Chunked()
    assert feed(body, cut(wire + rest, places)) == len(wire)
    assert body.progress is Progress.DONE
    assert unchunked(wire) == data


@given(chunked_bodies())
def test_chunks_are_open_until_the_last_byte(made: tuple[bytes, bytes]) -> None:
    wire, _ = made
    body = Chunked()
    for number in range(len(wire)):
        assert body.progress is Progress.OPEN
        assert body.take(wire[number : number + 1]) == 1
    assert body.progress is Progress.DONE
    assert body.take(BEHIND) == 0


def test_data_are_missing_in_what_has_not_come() -> None:
    assert unchunked(b"5\r\nabcde\r\n6\r\nfgh") == b"abcdefgh"
    assert unchunked(b"") == b""


GOOD = b"5\r\nabcde\r\n"
BAD: dict[bytes, int] = {
    # after these many bytes nothing that is taken can be wrong
    b"\r\n": 0,
    b"g\r\n": 0,
    b" 5\r\nabcde\r\n": 0,
    b"+5\r\nabcde\r\n": 0,
    b"-5\r\n": 0,
    b"0x5\r\nabcde\r\n": 0,
    b"5_0\r\n": 0,
    b"5 5\r\n": 0,
    b"5\nabcde\r\n": 0,
    b"5\rabcde\r\n": 0,
    b"5;a\nabcde\r\n": 0,
    b"5;a\rb\r\n": 0,
    b"5;a\0\r\n": 0,
    b"\xb2\r\n": 0,
    b"%x\r\n" % (1 << 52): 0,
    b"5\r\nabcde\n": 3,
    b"5\r\nabcde\rx": 3,
    b"5\r\nabcdex\r\n": 3,
    b"5\r\nabcd\r\nX": 3,
    b"0\r\nX y\r\n": 3,
    b"0\r\nX : y\r\n": 3,
    b"0\r\n X: y\r\n": 3,
    b"0\r\n: y\r\n": 3,
    b"0\r\nX: y\n\r\n": 3,
    b"0\r\nX: y\rz\r\n": 3,
    b"0\r\nX: \0\r\n": 3,
    b"0\r\n\n": 3,
    b"0\r\n\rx": 3,
    b"0\n\n": 0,
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("before", [b"", GOOD])
def test_what_is_no_chunk_is_found(bad: bytes, before: bytes) -> None:
    whole = Chunked()
    assert whole.take(before + bad) <= len(before + bad)
    assert whole.progress is Progress.BROKEN
    apart = Chunked()
    taken = feed(apart, [bytes([byte]) for byte in before + bad])
    assert apart.progress is Progress.BROKEN
    assert taken >= len(before) + BAD[bad]
    assert apart.take(b"5\r\n") == 0, "nothing is taken any more"


NEAR_MISSES = st.text("0123456789abcX:; \t\r\n", max_size=40).map(str.encode)


@given(st.binary(max_size=60) | NEAR_MISSES, PLACES)
def test_any_bytes_mean_the_same_however_they_come(data: bytes, places: list[int]) -> None:
    whole, apart = Chunked(), Chunked()
    whole.take(data)
    feed(apart, cut(data, places))
    assert apart.progress is whole.progress


@pytest.mark.parametrize("piece", [1, 100, 20_000])
@pytest.mark.parametrize("begin", [b"5;", b"0\r\nX: "])
def test_a_line_has_an_end(begin: bytes, piece: int) -> None:
    body = Chunked()
    data = begin + b"e" * 16_000
    taken = feed(body, [data[at : at + piece] for at in range(0, len(data), piece)])
    assert body.progress is Progress.BROKEN
    assert taken < 15_500


def test_a_whole_line_is_not_too_long_just_because_more_follows() -> None:
    body = Chunked()
    wire = b"5;" + b"e" * 15_000 + b"\r\nabcde\r\n0\r\n\r\n"
    assert feed(body, [wire[:9], wire[9:] + b"x" * 100_000]) == len(wire)
    assert body.progress is Progress.DONE


@pytest.mark.parametrize("piece", [None, 1000])
def test_a_line_that_is_too_long_is_refused_even_if_it_is_whole(piece: int | None) -> None:
    body = Chunked()
    data = b"5;" + b"e" * 16_000 + b"\r\nabcde\r\n0\r\n\r\n"
    feed(body, [data[at : at + (piece or len(data))] for at in range(0, len(data), piece or len(data))])
    assert body.progress is Progress.BROKEN


@pytest.mark.parametrize(("count", "progress"), [(100, Progress.DONE), (200, Progress.BROKEN)])
def test_trailers_are_counted(count: int, progress: Progress) -> None:
    body = Chunked()
    body.take(b"0\r\n" + b"X: y\r\n" * count + b"\r\n")
    assert body.progress is progress


@given(st.integers(0, 1000), st.integers(0, 1200), PLACES)
def test_a_counted_body_ends_where_it_said(length: int, come: int, places: list[int]) -> None:
    body = Counted(length)
    assert feed(body, cut(b"x" * come, places)) == min(length, come)
    assert body.progress is (Progress.DONE if come >= length else Progress.OPEN)


def test_a_body_without_length_takes_everything() -> None:
    body = UntilClose()
    assert body.take(b"abc") == 3
    assert body.progress is Progress.OPEN
