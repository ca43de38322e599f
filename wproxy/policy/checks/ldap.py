"""`option ldap-check`: an anonymous bind, and the result in its answer (RFC 4511, section 4.2).

HAProxy takes an answer whose length is written with one byte or three for none; here all of up to four are read.
"""

from __future__ import annotations

import re

from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.records import dataclass

BIND = bytes.fromhex("300c020101600702010304008000")

_ANSWER_MIN = 14
_SEQUENCE = b"\x30"
_LONG = 0x80
_LENGTH_BYTES_MAX = 4
# Message 1, the answer to a bind, its length in any form, the result.
_BOUND = re.compile(rb"\x02\x01\x01\x61([\x00-\xff])", re.DOTALL)
_RESULT = b"\x0a\x01"


@dataclass(frozen=True, slots=True)
class Bound:
    """Wants the result 0."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the server has let the check in."""
        if len(data) < _ANSWER_MIN and not ended:
            return None
        if not data.startswith(_SEQUENCE):
            return _no_ldap()
        if len(data) < _ANSWER_MIN:
            return Judgement(False)
        begin, length = _length(data, 1)
        if begin > 2 + _LENGTH_BYTES_MAX or data[1] == _LONG:
            return _no_ldap()
        if len(data) < begin + length:
            return Judgement(False) if ended else None
        return _judgement(data[begin:])


def _judgement(message: bytes) -> Judgement:
    """Return the judgement of a message."""
    bound = _BOUND.match(message)
    if bound is None:
        return _no_ldap()
    result_at, _ = _length(message, bound.start(1))
    result = message[result_at : result_at + 3]
    if len(result) < 3 or not result.startswith(_RESULT):
        return _no_ldap()
    if result[2] == 0:
        return Judgement(True)
    words = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"
    return Judgement(False, words, result[2], CheckStatus.L7STS)


def _length(data: bytes, position: int) -> tuple[int, int]:
    """Return where what has the length at `position` begins, and the length."""
    first = data[position]
    begin = position + 1 + (first - _LONG if first & _LONG else 0)
    return begin, int.from_bytes(data[position + 1 : begin], "big") if first & _LONG else first


def _no_ldap() -> Judgement:
    return Judgement(False, "Not LDAPv3 protocol")
