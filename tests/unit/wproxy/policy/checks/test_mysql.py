from __future__ import annotations

import pytest

from wproxy.policy.checks.mysql import Packet, login
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus

GREETING = b"\x07\0\0\0\x0a8.0.3\0"
OK = b"\x07\0\0\2\0\0\0\2\0\0\0"
DENIED = b"\x0b\0\0\2\xff\x15\x04#28000no"
REFUSED = Judgement(False, "#28000no", 1045, CheckStatus.L7STS)


def test_login() -> None:
    assert login("bob", old=True) == b"\n\0\0\1\0\x80\0\0\1bob\0\0" + b"\1\0\0\0\1"
    begin = b"%\0\0\1\0\x82\0\0\0\x80\0\1!"
    assert login("bob", old=False) == begin + bytes(23) + b"bob\0\0" + b"\1\0\0\0\1"


@pytest.mark.parametrize(
    ("position", "data", "ended", "judgement"),
    [
        (0, GREETING, False, Judgement(True)),
        (0, GREETING[:-1], False, None),
        (0, GREETING[:-1], True, Judgement(False)),
        (0, GREETING[:2], False, None),
        (0, GREETING[:2], True, Judgement(False)),
        (0, b"\0\0\0\0", False, Judgement(True)),
        (0, DENIED, False, REFUSED),
        (0, b"\1\0\0\0\xff", False, Judgement(False, "", 0, CheckStatus.L7STS)),
        (1, GREETING, False, None),
        (1, GREETING, True, Judgement(False)),
        (1, GREETING + OK, False, Judgement(True)),
        (1, GREETING + OK[:-1], False, None),
        (1, GREETING + DENIED, False, REFUSED),
    ],
)
def test_packet(position: int, data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Packet(position).judge(data, ended) == judgement
