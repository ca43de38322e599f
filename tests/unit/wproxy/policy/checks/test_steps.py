from __future__ import annotations

from wproxy.policy.checks.redis import Pong
from wproxy.policy.checks.steps import Connect, Expect, Judgement, Plan
from wproxy.policy.checks.verdict import CheckStatus


def test_what_a_step_says_by_itself() -> None:
    expect = Expect(Pong())
    assert (expect.passed, expect.failed, expect.timeout) == (CheckStatus.L7OK, CheckStatus.L7RSP, CheckStatus.L7TOUT)
    assert Plan((Connect(), expect)).success == ""
    assert Judgement(True).status is None
