"""What a configuration says about health checks beyond `check`: the kind of check, its steps, the agent.

Part of the model: frozen, built once. `number` is a step's place among the rules of its kind, counted as HAProxy counts
them in its messages: comments included, from 1; 0 is a step that no line has asked for.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TypeAlias

from wproxy.records import dataclass


class Kind(enum.Enum):
    """What is asked of a server after the connection has been opened; the value is the `option`."""

    CONNECT = ""
    TCP = "tcp-check"
    REDIS = "redis-check"
    HTTP = "httpchk"
    SMTP = "smtpchk"
    POSTGRESQL = "pgsql-check"
    MYSQL = "mysql-check"
    LDAP = "ldap-check"


class Match(enum.Enum):
    """What an `expect` rule compares; the value is its keyword."""

    STRING = "string"
    REGEX = "rstring"
    BINARY = "binary"
    BINARY_REGEX = "rbinary"
    STATUS = "status"
    STATUS_REGEX = "rstatus"


@dataclass(frozen=True, slots=True)
class ConnectRule:
    """`tcp-check connect`, `http-check connect`."""

    number: int
    host: str | None = None
    port: int | None = None
    linger: bool = False
    comment: str = ""
    default: bool = False  # with the PROXY header and the TLS that the server's line asks for
    ssl: bool = False
    sni: str | None = None


@dataclass(frozen=True, slots=True)
class SendRule:
    """`tcp-check send`, `tcp-check send-binary`."""

    number: int
    data: bytes
    comment: str = ""


@dataclass(frozen=True, slots=True)
class RequestRule:
    """`http-check send` and the request of `option httpchk`; None is what the latter says."""

    number: int = 0
    method: str | None = None
    uri: str | None = None
    version: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ExpectRule:
    """`tcp-check expect`, `http-check expect`. The statuses are HAProxy's names, "" where the kind's own hold."""

    number: int
    match: Match
    pattern: str
    negated: bool = False
    min_recv: int = -1
    ok_status: str = ""
    error_status: str = ""
    timeout_status: str = ""
    on_success: str = ""
    on_error: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class CheckClient:
    """As whom a check asks: `hello` is said to mail servers, `user` to databases; MySQL is asked nothing without one.

    `old` speaks MySQL's protocol as it was before 4.1.
    """

    hello: str = "HELO localhost"
    user: str = ""
    old: bool = False


Rule: TypeAlias = ConnectRule | SendRule | RequestRule | ExpectRule


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the servers of one backend are checked; `client` is used where they want to know who asks."""

    kind: Kind = Kind.CONNECT
    rules: tuple[Rule, ...] = ()
    request: RequestRule = field(default_factory=RequestRule)
    disable_on_404: bool = False
    log_changes: bool = False  # option log-health-checks
    client: CheckClient = field(default_factory=CheckClient)


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """Where a server's agent is asked, how often, and with which words (configuration manual, section 5.2)."""

    port: int
    host: str | None = None
    inter_s: float = 2.0
    send: bytes = b""
