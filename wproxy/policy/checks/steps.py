"""What a check consists of: connect, send, expect, in the order of the configuration.

    Connect ─▶ Send b"PING" ─▶ Expect +PONG ─▶ … ─▶ CheckResult

Every kind of check is such a sequence (`kinds`), and one interpreter (`dialogue`) goes through it.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from wproxy.policy.checks.verdict import CheckStatus
from wproxy.policy.checks.words import AgentWords
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a matcher says of the bytes so far; `status` where it is another than that of the step."""

    passed: bool
    info: str = ""
    code: int = 0
    status: CheckStatus | None = None
    agent: AgentWords | None = None


class Matcher(Protocol):
    """Judges an answer. Given all the bytes since the last question each time, so that splits cannot matter."""

    def judge(self, data: bytes, ended: bool) -> Judgement | None:
        """Return the judgement, None when more bytes are needed; `ended` tells that none will come."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection, to the server's address for checks where `host` or `port` are not set.

    `where` tells of this step in errors; `linger` closes the connection with a goodbye instead of a reset; `default`
    lets it begin with the PROXY header and the TLS that the server's line asks for, `ssl` with TLS in any case;
    then `sni` is the name that the server is told.
    """

    host: str | None = None
    port: int | None = None
    linger: bool = False
    where: str = ""
    default: bool = True
    ssl: bool = False
    sni: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Send bytes."""

    data: bytes
    where: str = ""


@dataclass(frozen=True, slots=True)
class Expect:
    """Read until the matcher is sure; a check that passes ends with the last one's `passed` and `success`.

    `comment` ends the message about an answer that failed, `failure` replaces it; `empty` is said when none came.
    """

    matcher: Matcher
    passed: CheckStatus = CheckStatus.L7OK
    failed: CheckStatus = CheckStatus.L7RSP
    timeout: CheckStatus = CheckStatus.L7TOUT
    success: str = ""
    failure: str = ""
    comment: str = ""
    empty: str = ""
    where: str = ""


Step: TypeAlias = Connect | Send | Expect


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a check: the first step is Connect. `success` is said of one that passes without more to say."""

    steps: tuple[Step, ...]
    success: str = ""
