from __future__ import annotations

import pytest

from wproxy.policy.checks.agent import AgentLine
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.policy.checks.words import AgentWords

UP = Judgement(True, status=CheckStatus.CHECKED, agent=AgentWords(health="up"))
INCOMPLETE = Judgement(False, "Ignoring incomplete line from agent", status=CheckStatus.L7TOUT)


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [(b"up\n", False, UP), (b"up\r\ndown\n", False, UP), (b"up", False, None), (b"up", True, INCOMPLETE)],
)
def test_judgement(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert AgentLine().judge(data, ended) == judgement
