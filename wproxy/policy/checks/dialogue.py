"""One run of a check: told what happens on the connection, it answers what to do next.

The shell connects where told, sends what it is given, and hands in what arrives, until it gets a CheckResult. Each
connection's answer is kept up to a limit, as HAProxy keeps one buffer; what came before a question is forgotten.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from wproxy.policy.checks.steps import Connect, Expect, Judgement, Plan, Send
from wproxy.policy.checks.verdict import CheckResult, CheckStatus, Outcome

HANDSHAKE_FAILED = "SSL handshake failure"
ANSWER_MAX = 16384  # HAProxy's tune.bufsize


class Wait(Enum):
    """Nothing to do until something arrives."""

    FOR_DATA = "wait"


Action: TypeAlias = Connect | Send | Wait | CheckResult


class Dialogue:
    """Goes through the steps of `plan`; in state DOWN (`stopped`) a conditional pass is none."""

    __slots__ = ("_answer", "_ended", "_passed", "_plan", "_position", "_shaking", "_stopped")

    def __init__(self, plan: Plan, *, stopped: bool = False) -> None:
        self._plan = plan
        self._stopped = stopped
        self._position = 0
        self._answer = b""
        self._ended = False
        self._shaking = False  # connected, but TLS is not agreed upon yet
        self._passed = CheckResult(CheckStatus.L4OK, plan.success)

    def start(self) -> Action:
        """Return the first thing to do: to connect."""
        return self._act()

    def shaking_hands(self) -> None:
        """Take note that the connection is open and a TLS handshake has begun; `done` tells that it is over."""
        self._shaking = True

    def refused(self, reason: str) -> CheckResult:
        """Return what is to be said of a handshake that has failed for a known `reason`."""
        return CheckResult(CheckStatus.L6RSP, reason + self._plan.steps[self._position].where)

    def done(self) -> Action:
        """Take note that what was asked for has been done (connected, sent); return what to do next."""
        if self._shaking:
            self._shaking = False
            self._passed = CheckResult(CheckStatus.L6OK, self._plan.success)
        self._position += 1
        return self._act()

    def receive_data(self, data: bytes, *, ended: bool = False) -> Action:
        """Take bytes of the server, and whether it has hung up; return what to do next."""
        self._answer = (self._answer + data)[:ANSWER_MAX]
        self._ended = self._ended or ended
        return self._act()

    def broken(self, reason: str) -> CheckResult:
        """Return what is to be said of a connection that could not be opened, or was reset."""
        step = self._plan.steps[self._position]
        status = CheckStatus.L4CON if isinstance(step, Connect) else CheckStatus.SOCKERR
        if self._shaking:
            return self.refused(HANDSHAKE_FAILED)
        return CheckResult(status, reason + step.where)

    def lost(self, reason: str) -> Action:
        """Take note of a reset while an answer is awaited: what has come of it is judged; return what to do next."""
        if self._answer and isinstance(self._plan.steps[self._position], Expect):
            return self.receive_data(b"", ended=True)
        return self.broken(reason)

    def timed_out(self) -> CheckResult:
        """Return what is to be said when the time is over."""
        step = self._plan.steps[self._position]
        if isinstance(step, Connect):
            return CheckResult(CheckStatus.L6TOUT if self._shaking else CheckStatus.L4TOUT, step.where)
        return CheckResult(step.timeout if isinstance(step, Expect) else CheckStatus.L7TOUT, step.where)

    def _act(self) -> Action:
        """Go on from where it stands as far as the answer so far allows."""
        while self._position < len(self._plan.steps):
            step = self._plan.steps[self._position]
            if not isinstance(step, Expect):
                self._begin(step)
                return step
            judgement = self._judge(step)
            if judgement is None:
                return Wait.FOR_DATA
            result = self._result(step, judgement)
            if not judgement.passed:
                return result
            self._passed = result
            self._position += 1
        return self._passed

    def _begin(self, step: Connect | Send) -> None:
        """Forget what was answered before `step`; once something has been sent, layer 7 has passed."""
        self._answer = b""
        if isinstance(step, Connect):
            self._ended = False
        else:
            self._passed = CheckResult(CheckStatus.L7OK, self._plan.success)

    def _judge(self, step: Expect) -> Judgement | None:
        if self._ended and not self._answer:
            return Judgement(False, step.empty)
        # An answer that fills the buffer has no end to wait for; the one to the next question may have.
        return step.matcher.judge(self._answer, self._ended or len(self._answer) == ANSWER_MAX)

    def _result(self, step: Expect, judgement: Judgement) -> CheckResult:
        usual, info = (step.passed, step.success or judgement.info or self._plan.success)
        if not judgement.passed:
            usual, info = step.failed, step.failure or judgement.info + step.comment
        status = judgement.status or usual
        if self._stopped and status.outcome is Outcome.CONDITIONALLY:
            status = CheckStatus.L7STS
        return CheckResult(status, info, code=judgement.code, agent=judgement.agent)
