"""The matchers of `option redis-check`: +PONG, and what else a Redis may answer to it, to AUTH and to ROLE.

HAProxy waits for +PONG until the time is over, so that a server that wants a password shows as "Layer7 timeout". Here
the first whole line decides.
"""

from __future__ import annotations

import re

from wproxy.policy.checks.steps import Judgement
from wproxy.records import dataclass

PING = b"*1\r\n$4\r\nPING\r\n"
ROLE = b"*1\r\n$4\r\nROLE\r\n"
_PONG = b"+PONG\r\n"
_OK = b"+OK\r\n"
_LINE_MAX = 200
_PRIMARY = re.compile(rb"\*\d+\r\n\$6\r\nmaster\r\n")
_REPLICA = re.compile(rb"\*\d+\r\n\$5\r\nslave\r\n\$\d+\r\n([^\r\n]{0,100})\r\n:(\d{1,5})\r\n")
_ROLE_BYTES = 256  # by then the role is known, or is none


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


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Wants +OK to AUTH. What else a server says to a login is not shown but for its first word."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether the login is right."""
        if data.startswith(_OK):
            return Judgement(True)
        line, end, _ = data.partition(b"\r\n")
        if not end and not ended:
            return None
        code = line[1:].split(b" ")[0][:32].decode("ascii", "replace")
        return Judgement(False, f"refuses the login of its server line: {code}")


@dataclass(frozen=True, slots=True)
class Primary:
    """Wants the answer to ROLE to be that of a primary: a replica must not be written to.

    A server that does not tell its role, because it knows no ROLE or does not allow it, passes as what it is used for.
    """

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return whether it is a primary."""
        if _PRIMARY.match(data):
            return Judgement(True, "Redis server is ok")
        replica = _REPLICA.match(data)
        if replica is not None:
            host, port = (group.decode("ascii", "replace") for group in replica.groups())
            return Judgement(False, f"is a replica of {host}:{port}")
        if data.startswith(b"-") and b"\r\n" in data:
            return Judgement(True, "Redis server is ok, its role is not known")
        if ended or len(data) >= _ROLE_BYTES:
            return Judgement(False, "does not tell its role as Redis does")
        return None
