"""The matcher of `option redis-check`: +PONG, and what else a Redis may answer.

HAProxy waits for +PONG until the time is over, so that a server that wants a password shows as "Layer7 timeout". Here
the first whole line decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from wproxy.policy.checks.steps import Judgement

PING = b"*1\r\n$4\r\nPING\r\n"
_PONG = b"+PONG\r\n"
_LINE_MAX = 200


@dataclass(frozen=True, slots=True)
class Pong:
    """Wants +PONG."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the first line is +PONG; an error of the server is passed on in its own words."""
        if data.startswith(_PONG):
            return Judgement(True, "Redis server is ok")
        line, end, _ = data.partition(b"\r\n")
        if not end and not ended:
            return None
        answer = line[:_LINE_MAX].decode("ascii", "replace").strip()
        if line.startswith(b"-NOAUTH"):
            return Judgement(False, f"needs a password: {answer}")
        return Judgement(False, answer)
