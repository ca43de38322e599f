"""`option pgsql-check`: the start of a session with PostgreSQL, and what comes before the password.

Messages are a letter, four bytes of length that count themselves, and the rest (PostgreSQL manual, "Message Formats").
"""

from __future__ import annotations

import re

from wproxy.policy.checks import saying
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.records import dataclass

_PROTOCOL = b"\0\3\0\0"
_LENGTH_BYTES = 4
_ERROR = b"E"
_ERROR_MIN = 5
_ERROR_TEXT_AT = 6  # behind the letter, the length, and the letter of its first field
_ERROR_MAX = 8192
_AUTHENTICATION_BYTES = 9
# No password, or one of the ways to ask for it that HAProxy knows.
_AUTHENTICATION = re.compile(rb"R\0\0\0[\0-\xff]\0\0\0[\0\2\3\4\5\6\7\x09\x0a]", re.DOTALL)


def startup(user: str) -> bytes:
    """Return the message that opens a session."""
    body = _PROTOCOL + b"user\0" + user.encode("utf-8", "surrogateescape") + b"\0\0"
    return (len(body) + _LENGTH_BYTES).to_bytes(_LENGTH_BYTES, "big") + body


@dataclass(frozen=True, slots=True)
class Authentication:
    """Wants a request for a password, or none; the first words of an error are its severity."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the server lets somebody in."""
        if data.startswith(_ERROR):
            return Judgement(False, saying.text(data[_ERROR_TEXT_AT:])) if ended or _told(data) else None
        if len(data) < _AUTHENTICATION_BYTES and not ended:
            return None
        if _AUTHENTICATION.match(data):
            return Judgement(True, "PostgreSQL server is ok")
        return Judgement(False, "PostgreSQL unknown error", status=CheckStatus.L7STS)


def _told(data: bytes) -> bool:
    """Return whether what is shown of an error is there; what has an absurd length is none, and fails at once."""
    if len(data) < _ERROR_MIN:
        return False
    length = int.from_bytes(data[1:_ERROR_MIN], "big")
    return b"\0" in data[_ERROR_TEXT_AT:] or len(data) > length or length > _ERROR_MAX
