from __future__ import annotations

import pytest

from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.fanout import AWAY, FANOUTS, merge_all

OK = b"+OK\r\n"


@pytest.mark.parametrize(
    ("name", "replies", "merged"),
    [
        ("dbsize", [b":3\r\n", b":4\r\n"], b":7\r\n"),
        (
            "keys",
            [b"*1\r\n$1\r\na\r\n", b"*0\r\n", b"*2\r\n$1\r\nb\r\n$0\r\n\r\n"],
            b"*3\r\n$1\r\na\r\n$1\r\nb\r\n$0\r\n\r\n",
        ),
        ("pubsub|channels", [b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*1\r\n$1\r\na\r\n"], b"*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        ("flushall", [OK, OK], OK),
        ("randomkey", [b"$-1\r\n", b"$1\r\nk\r\n"], b"$1\r\nk\r\n"),
        ("randomkey", [b"_\r\n", b"_\r\n"], b"_\r\n"),
        ("config|set", [OK, b"-ERR no such thing\r\n"], b"-ERR no such thing\r\n"),
        ("script|exists", [b"*2\r\n:1\r\n:1\r\n", b"*2\r\n:1\r\n:0\r\n"], b"*2\r\n:1\r\n:0\r\n"),
        ("dbsize", [b":3\r\n", None], AWAY),
        ("pubsub|numpat", [b":3\r\n", b":4\r\n"], b":4\r\n"),
        ("pubsub|numsub", [b"*2\r\n$1\r\na\r\n:1\r\n", b"*2\r\n$1\r\na\r\n:2\r\n"], b"*2\r\n$1\r\na\r\n:3\r\n"),
        ("pubsub|numsub", [b"*0\r\n", b"*0\r\n"], b"*0\r\n"),
    ],
)
def test_one_reply_of_all(name: str, replies: list[bytes | None], merged: bytes) -> None:
    assert merge_all(name, replies) == merged


def test_they_are_commands() -> None:
    assert {name.upper().encode() for name in FANOUTS} <= parse_rows(ROWS).keys()
