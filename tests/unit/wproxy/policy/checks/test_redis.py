from __future__ import annotations

import pytest

from wproxy.policy.checks.redis import Pong
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
