"""The matchers of `option smtpchk`: a mail server's greeting, its answers to HELO and to QUIT (RFC 5321).

HAProxy goes on after the first four bytes of a line, and takes what comes late of it for the next answer. Here lines
are awaited to their end. And where HAProxy waits for a better answer to HELO until the time is over, the whole one
decides.
"""

from __future__ import annotations

import re

from wproxy.policy.checks import saying
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.records import dataclass

QUIT = b"QUIT\r\n"

_CODE = re.compile(rb"[0-9]{3}[ \r]")
_TEXT_AT = 4
_CODE_BYTES = 3
_DIGITS = re.compile(rb"[0-9]{1,3}")
_MORE_FOLLOWS = re.compile(rb"[0-9]{3}-")
_HELLO_PASSES = re.compile(rb"(?:2[0-9]{2}-[^\r]*\r\n)*2[0-9]{2}[ \r]")
_QUIT_PASSES = re.compile(rb"2[0-9]{2}[- \r]")


@dataclass(frozen=True, slots=True)
class Greeting:
    """Wants one line with a code of 2xx."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether it is a mail server, and whether it takes clients."""
        if b"\n" not in data and not ended:
            return None
        if not _CODE.match(data):
            return Judgement(False, saying.line(data))
        return _judgement(data, data.startswith(b"2"))


@dataclass(frozen=True, slots=True)
class HelloAnswer:
    """Wants 2xx, in one line or many."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the server talks to who has presented himself."""
        if not ended and not _whole(data):
            return None
        return _judgement(data, _HELLO_PASSES.match(data) is not None)


@dataclass(frozen=True, slots=True)
class QuitAnswer:
    """Wants 2xx; what follows its first line is not awaited."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the server says goodbye."""
        if b"\n" not in data and not ended:
            return None
        return _judgement(data, _QUIT_PASSES.match(data) is not None)


def _whole(data: bytes) -> bool:
    """Return whether the last line of an answer is there."""
    *lines, _ = data.split(b"\n")
    return any(not _MORE_FOLLOWS.match(line) for line in lines)


def _judgement(data: bytes, passed: bool) -> Judgement:
    """Return the judgement of an answer; what is wrong is its code."""
    status = None if passed else CheckStatus.L7STS
    code = _DIGITS.match(data) if len(data) >= _CODE_BYTES else None
    return Judgement(passed, saying.line(data[_TEXT_AT:].lstrip(b" ")), int(code[0]) if code else 0, status)
