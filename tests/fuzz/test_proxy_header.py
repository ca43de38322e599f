"""Any bytes, in any pieces, are a PROXY header, the beginning of one or an error, and the pieces make no difference."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wproxy.protocols.proxy_header import WRITERS, Endpoint, Ends, Header, HeaderError, parse

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
ADDRESSES = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
ENDPOINTS = st.builds(Endpoint, ADDRESSES, st.integers(0, 65535))
WRITTEN = st.builds(
    lambda version, source, destination: WRITERS[version](Ends(source, destination)),
    st.sampled_from([1, 2]),
    ENDPOINTS,
    ENDPOINTS,
)
ADDITIONS = st.lists(
    st.builds(
        lambda kind, value, lie: bytes([kind]) + (len(value) + lie).to_bytes(2, "big") + value,
        st.integers(0, 255),
        st.binary(max_size=20),
        st.sampled_from([0, 0, 0, 1, 300]),
    ),
    max_size=4,
).map(b"".join)
FORGED = st.builds(
    lambda command, family, block, additions, lie: (
        SIGNATURE
        + bytes([command, family])
        + max(len(block + additions) + lie, 0).to_bytes(2, "big")
        + block
        + additions
    ),
    st.sampled_from([0x20, 0x21, 0x22, 0x31]),
    st.sampled_from([0, 0x11, 0x12, 0x21, 0x31, 0xFF]),
    st.sampled_from([0, 4, 11, 12, 36, 216]).flatmap(lambda size: st.binary(min_size=size, max_size=size)),
    ADDITIONS,
    st.sampled_from([0, 0, 0, -1, 1, 5000]),
)
LINES = st.lists(
    st.sampled_from(["PROXY", "TCP4", "TCP6", "UNKNOWN", "10.0.0.1", "::1", "80", "65536", "", "\r\n", "\n", "é"]),
    max_size=9,
).map(lambda words: " ".join(words).encode() + b"\r\n")
DATA = WRITTEN | FORGED | LINES | st.binary(max_size=60).map(lambda data: b"PROXY " + data) | st.binary(max_size=40)


def outcome(data: bytes) -> Header | str:
    """Return what `data` is."""
    try:
        return parse(data) or "more"
    except HeaderError:
        return "error"


def check(data: bytes, rest: bytes) -> None:
    whole = outcome(data + rest)
    for size in range(len(data + rest) + 1):
        part = outcome((data + rest)[:size])
        if isinstance(whole, Header):
            assert part == ("more" if size < whole.size else whole)
        elif whole == "more":
            assert part == "more"
        else:
            assert not isinstance(part, Header)


@given(DATA, st.binary(max_size=8))
def test_every_split(data: bytes, rest: bytes) -> None:
    check(data, rest)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=50_000)
@given(DATA, st.binary(max_size=8))
def test_every_split_of_very_many(data: bytes, rest: bytes) -> None:
    check(data, rest)
