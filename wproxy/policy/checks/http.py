"""The matchers of `option httpchk`: the status of an answer, or what its body holds.

Only the head decides about a status; a string in the body may come late, so the end of the body makes sure.
"""

from __future__ import annotations

import re
from collections.abc import Container

from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.protocols.http_answer import Answer, AnswerError, parse_answer
from wproxy.records import dataclass

_NOT_FOUND = 404
_USUAL = range(200, 400)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What all of them do: wait for the head; with `disable_on_404` that status is a conditional pass."""

    disable_on_404: bool = False

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return the judgement of the answer; one that is no HTTP is a failure without words, as in HAProxy."""
        try:
            answer = parse_answer(data, ended)
        except AnswerError:
            return Judgement(False, status=CheckStatus.L7RSP)
        if answer is None:
            return None
        if self.disable_on_404 and answer.status == _NOT_FOUND:
            return Judgement(True, code=answer.status, status=CheckStatus.L7OKC)
        return self.judge_answer(answer)

    def judge_answer(self, answer: Answer) -> Judgement | None:
        """Return the judgement of an answer whose head is complete."""
        return self.judge_status(answer, answer.status in _USUAL)

    @staticmethod
    def judge_status(answer: Answer, right: bool) -> Judgement:
        """Return the judgement about the status; a wrong one is told with its reason."""
        if right:
            return Judgement(True, code=answer.status)
        return Judgement(False, answer.reason, answer.status, CheckStatus.L7STS)


@dataclass(frozen=True, slots=True)
class HttpStatus(HttpAnswer):
    """`http-check expect status` and `rstatus`."""

    codes: Container[int] | re.Pattern[str] = _USUAL
    negated: bool = False

    def judge_answer(self, answer: Answer) -> Judgement:
        """Return whether the status is one of those wanted."""
        if isinstance(self.codes, re.Pattern):
            among = self.codes.search(f"{answer.status:03}") is not None
        else:
            among = answer.status in self.codes
        return self.judge_status(answer, among is not self.negated)


@dataclass(frozen=True, slots=True)
class HttpContent(HttpAnswer):
    """`http-check expect string` and `rstring`."""

    pattern: re.Pattern[bytes] = re.compile(b"")
    negated: bool = False

    def judge_answer(self, answer: Answer) -> Judgement | None:
        """Return whether the body holds the pattern, and whether it should."""
        found = self.pattern.search(answer.body) is not None
        if not found and not answer.complete:
            return None
        if not answer.body:
            return Judgement(False, "HTTP content check could not find a response body")
        if found is not self.negated:
            return Judgement(True, code=answer.status)
        return Judgement(False, "HTTP check matched unwanted content" if found else "HTTP content check did not match")
