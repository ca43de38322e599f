"""Matchers of `tcp-check expect`: a string, bytes or a regular expression in what the server has said.

A pattern that is not there may still come, so that only the end of the connection, or `min-recv` bytes, make sure.
"""

from __future__ import annotations

import re

from wproxy.policy.checks.steps import Judgement
from wproxy.records import dataclass

_UNLIMITED = -1


@dataclass(frozen=True, slots=True)
class Content:
    """Looks for `pattern`; in hexadecimal digits (upper case) where `hexadecimal`. `name` tells of it in messages."""

    pattern: re.Pattern[bytes]
    name: str
    negated: bool = False
    hexadecimal: bool = False
    min_recv: int = _UNLIMITED

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the pattern is there, and whether it should be."""
        if not ended and len(data) < self.min_recv:
            return None
        if self.pattern.search(data.hex().upper().encode() if self.hexadecimal else data):
            return Judgement(not self.negated, f"TCPCHK matched unwanted content {self.name}" * self.negated)
        if not ended and self.min_recv == _UNLIMITED:
            return None
        return Judgement(self.negated, f"TCPCHK did not match content {self.name}" * (not self.negated))
