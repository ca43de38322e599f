from __future__ import annotations

import pytest

from wproxy.policy.checks.redis import LoggedIn, Pong, Primary
from wproxy.policy.checks.steps import Judgement


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"+PONG\r\n", False, Judgement(True, "Redis server is ok")),
        (b"+PO", False, None),
        (b"+PO", True, Judgement(False, "+PO")),
        (b"-LOADING Redis is loading\r\n", False, Judgement(False, "-LOADING Redis is loading")),
        (b"-NOAUTH Say it.\r\n", False, Judgement(False, "needs a password: -NOAUTH Say it.")),
        (b"\xff" * 300 + b"\r\n", False, Judgement(False, "\ufffd" * 200)),
    ],
)
def test_judgement(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Pong().judge(data, ended) == judgement


REPLICA = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:7000\r\n$9\r\nconnected\r\n:14\r\n"


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n", False, Judgement(True, "Redis server is ok")),
        (b"*3\r\n$6\r\nmas", False, None),
        (b"*3\r\n$6\r\nmas", True, Judgement(False, "does not tell its role as Redis does")),
        (REPLICA, False, Judgement(False, "is a replica of 127.0.0.1:7000")),
        (REPLICA[:30], False, None),
        (b"*2\r\n$8\r\nsentinel\r\n" + b"x" * 300, False, Judgement(False, "does not tell its role as Redis does")),
        (b"-NOPERM no\r\n", False, Judgement(True, "Redis server is ok, its role is not known")),
        (b"-ERR unkn", False, None),
    ],
)
def test_role(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Primary().judge(data, ended) == judgement


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"+OK\r\n", False, Judgement(True)),
        (b"+O", False, None),
        (
            b"-WRONGPASS hunter2 is wrong\r\n",
            False,
            Judgement(False, "refuses the login of its server line: WRONGPASS"),
        ),
        (b"", True, Judgement(False, "refuses the login of its server line: ")),
    ],
)
def test_login(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert LoggedIn().judge(data, ended) == judgement
