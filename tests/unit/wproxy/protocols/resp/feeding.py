"""The same input in every way it can arrive: whole, byte by byte, cut once anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import strategies as st

from wproxy.protocols.resp import Limits, ReplySplitter, Request, RequestError, RequestParser
from wproxy.protocols.resp.replies import ReplyError


def cuts(data: bytes, most: int = 400) -> Iterator[list[bytes]]:
    """Yield `data` whole, byte by byte (when it is no longer than `most`), and in two pieces, cut anywhere."""
    yield [data]
    if len(data) <= most:
        yield [data[at : at + 1] for at in range(len(data))]
    step = max(1, len(data) // most)
    for at in range(1, len(data), step):
        yield [data[:at], data[at:]]


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    """Cut `data` at the places `at`, each taken modulo its length."""
    places = sorted({place % (len(data) + 1) for place in at} | {0, len(data)})
    return [data[first:last] for first, last in pairwise(places)]


splits = st.lists(st.integers(min_value=0), max_size=8)


def requests_of(
    fed: list[bytes], limits: Limits | None = None, limit: int = 1 << 30
) -> tuple[list[Request], str | None]:
    """Return the commands in what is `fed`, and the error that ended them, if one did."""
    parser = RequestParser(limits)
    requests: list[Request] = []
    for piece in fed:
        parser.feed(piece)
        try:
            while taken := parser.take(limit):
                assert len(taken) <= limit
                requests += taken
        except RequestError as error:
            return requests, str(error)
    return requests, None


def replies_of(fed: list[bytes]) -> tuple[list[bytes], list[bytes], str | None]:
    """Return the replies and the pushes in what is `fed`, and the error that ended them, if one did."""
    splitter = ReplySplitter()
    replies: list[bytes] = []
    for piece in fed:
        try:
            replies += splitter.split(piece)
        except ReplyError as error:
            return replies, splitter.pushes, str(error)
    return replies, splitter.pushes, None
