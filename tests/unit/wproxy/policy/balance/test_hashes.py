from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wproxy.policy.balance.hashes import FUNCTIONS


@given(st.binary(max_size=300))
@example(b"")
@example(bytes(64))
@example(b"\xff" * 65)
def test_the_sums_are_what_the_loops_would_give(data: bytes) -> None:
    sdbm, djb2 = 0, 5381
    for byte in data:
        sdbm = (byte + (sdbm << 6) + (sdbm << 16) - sdbm) & 0xFFFFFFFF
        djb2 = ((djb2 << 5) + djb2 + byte) & 0xFFFFFFFF
    assert FUNCTIONS["sdbm"](data) == sdbm
    assert FUNCTIONS["djb2"](data) == djb2


@pytest.mark.parametrize(
    ("data", "number"),
    [(b"", 0xF99A0360), (b"a", 0x714BF225), (b"/index.html", 0x3101077E), (bytes(range(256)), 0xF3CCAEB7)],
)
def test_wt6_as_haproxy_was_seen_to_use_it(data: bytes, number: int) -> None:
    assert FUNCTIONS["wt6"](data) == number


def test_crc32() -> None:
    assert FUNCTIONS["crc32"](b"123456789") == 0xCBF43926
