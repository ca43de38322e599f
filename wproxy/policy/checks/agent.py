"""The matcher of `agent-check`: one line of words; what they do to the server is for `state` to decide."""

from __future__ import annotations

import re

from wproxy.policy.checks import words
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.records import dataclass

_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class AgentLine:
    """Wants a line."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return the words of the first line; without a line end it is not to be trusted."""
        end = _LINE_END.search(data)
        if end is None:
            reason = "Ignoring incomplete line from agent"
            return Judgement(False, reason, status=CheckStatus.L7TOUT) if ended else None
        line = data[: end.start()].decode("ascii", "replace")
        return Judgement(True, status=CheckStatus.CHECKED, agent=words.parse(line))
