from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.secrets import hidden, masked


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"*1\r\n$4\r\nPING\r\n", b"*1\r\n$4\r\nPING\r\n"),
        (b"*2\r\n$4\r\nauth\r\n$6\r\nsecret\r\n", b"*2\r\n$4\r\nauth\r\n**\r\n******\r\n"),
        (b"$3\r\n*4\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", b"$3\r\n*4\r\n$5\r\nHELLO\r\n**\r\n*\r\n"),
        (b"AUTHsecret", b"AUTH******"),
        (b"GET / HTTP/1.1\r\nAuthorization: Basic x\r\n", b"GET / HTTP/1.1\r\nAuth******************\r\n"),
        (b"CONFIG SET requirepass x", b"CONFIG******************"),
        (b"SET oracle x", b"SET oracle x"),
    ],
)
def test_what_follows_a_word_that_announces_a_secret(data: bytes, shown: bytes) -> None:
    assert masked(data) == shown


@given(st.binary(), st.sampled_from([b"AUTH", b"hello", b"Auth"]), st.binary(min_size=1))
def test_no_secret_is_left(before: bytes, word: bytes, secret: bytes) -> None:
    assert masked(before + word + secret)[len(before + word) :] == hidden(secret)
    assert set(hidden(secret)) <= set(b"*\r\n")
