from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wproxy.config.acl.hashes import FUNCTIONS, avalanche

numbers = st.integers(0, 2**32 - 1)


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


@given(numbers, numbers)
def test_no_two_have_the_same(first: int, second: int) -> None:
    assert 0 <= avalanche(first) < 2**32
    assert (avalanche(first) == avalanche(second)) == (first == second)


def test_each_bit_depends_on_each_bit() -> None:
    for bit in range(32):
        changed = 0
        for number in range(2000):
            changed |= avalanche(number * 2654435761 % 2**32) ^ avalanche(number * 2654435761 % 2**32 ^ 1 << bit)
        assert changed == 2**32 - 1


def test_what_haproxy_makes_of_abc() -> None:
    found = [FUNCTIONS[name](b"abc") for name in ("crc32", "djb2", "sdbm")]
    assert found == [891568578, 193485963, 807794786]
    assert [avalanche(number) for number in found] == [930845320, 2235766107, 659243622]
