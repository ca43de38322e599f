"""`option mysql-check`: MySQL's greeting, and its answer to a user without a password.

Packets are three bytes of length, a number, and as many bytes (MySQL's client/server protocol, "Packets").
"""

from __future__ import annotations

from wproxy.policy.checks import saying
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus
from wproxy.records import dataclass

_LENGTH_BYTES = 3
_HEAD_BYTES = 4
_ERROR = 0xFF
_ERROR_TEXT_AT = 3  # behind the mark and the number

_QUIT = b"\1\0\0\0\1"
# What the client can do, its largest packet, and after 4.1 its character set and room: as HAProxy says it.
_ABLE_BEFORE_41 = b"\0\x80" + b"\0\0\1"
_ABLE_SINCE_41 = b"\0\x82\0\0" + b"\0\x80\0\1" + b"\x21" + b"\0" * 23


def login(user: str, *, old: bool) -> bytes:
    """Return what logs `user` in, without waiting for the greeting, and out again; `old` as before 4.1."""
    body = (_ABLE_BEFORE_41 if old else _ABLE_SINCE_41) + user.encode("utf-8", "surrogateescape") + b"\0\0"
    return len(body).to_bytes(_LENGTH_BYTES, "little") + b"\1" + body + _QUIT


@dataclass(frozen=True, slots=True)
class Packet:
    """Wants the packet number `position` to be there and no error."""

    position: int = 0

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the server is content; its errors are passed on in its own words."""
        begin, body = 0, b""
        for _ in range(self.position + 1):
            head = begin + _HEAD_BYTES
            end = head + int.from_bytes(data[begin : begin + _LENGTH_BYTES], "little")
            if len(data) < max(head, end):
                return Judgement(False) if ended else None
            begin, body = end, data[head:end]
        if not body or body[0] != _ERROR:
            return Judgement(True)
        number = int.from_bytes(body[1:_ERROR_TEXT_AT], "little")
        return Judgement(False, saying.text(body[_ERROR_TEXT_AT:]), number, CheckStatus.L7STS)
