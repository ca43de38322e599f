"""Mode http's part of a configuration, as frozen dataclasses; compiled when the file is read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TypeAlias

from wproxy.config.acl.facts import Condition, HttpFacts
from wproxy.config.http.cookie import CookieSettings
from wproxy.config.http.forwarding import AddressField
from wproxy.config.http.squeezing import Compression
from wproxy.records import dataclass


class Closing(enum.Enum):
    """When connections end (configuration manual, section 4, "HTTP connection modes")."""

    KEEP_ALIVE = "http-keep-alive"
    SERVER_CLOSE = "http-server-close"
    CLOSE = "httpclose"


class Reuse(enum.Enum):
    """Which requests may go over a connection that another client opened (section 4.2, "http-reuse")."""

    NEVER = "never"
    SAFE = "safe"
    AGGRESSIVE = "aggressive"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the proxy itself answers: header fields with names as they are sent; Content-Length is added.

    `cause` are the first two letters of the termination state: PR for what was denied, LR for what was meant so.
    `page` means the proxy's page for the status, which gives reason and body; its fields go before `fields`. `silent`
    is an answer of no bytes at all, then the end of the connection; one that is `late` wastes its client's time first.
    One that is `delimited` has its Content-Length among its fields, or ends with the connection.
    """

    status: int
    reason: bytes = b""  # "" for the usual one
    fields: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    closes: bool = False
    cause: str = "LR"
    page: bool = False
    silent: bool = False
    late: bool = False  # after `timeout tarpit`
    minor: int = 1  # of its version, HTTP/1.x
    delimited: bool = False


class Service(enum.Enum):
    """What answers a request inside the proxy."""

    STATISTICS = "stats"
    PROMETHEUS = "prometheus-exporter"


class Verdict(enum.Enum):
    """What ends a list of rules without an answer."""

    ALLOW = "allow"


Outcome: TypeAlias = Answer | Service | Verdict
Act: TypeAlias = Callable[[HttpFacts], Outcome | None]
"""Does what a rule says to the request or the response of the facts; None lets the next rule have its turn."""


Page: TypeAlias = Answer | Callable[[HttpFacts], Answer]
"""What is answered in the place of an error page, or what makes it for a request."""


@dataclass(frozen=True, slots=True)
class Captures:
    """What is kept of requests and responses for the log (section 8.8): each puts values into the facts."""

    request: Callable[[HttpFacts], None] | None = None
    response: Callable[[HttpFacts], None] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One `http-request` or `http-response` line; without a condition it always acts."""

    act: Act
    condition: Condition | None = None


@dataclass(frozen=True, slots=True)
class HttpTimeouts:
    """Seconds, None for "as `timeout client`" (section 4.2, "timeout http-request", "timeout http-keep-alive")."""

    request_s: float | None = None
    keep_alive_s: float | None = None


@dataclass(frozen=True, slots=True)
class RetryOn:
    """What makes a request go out again (section 4.2, "retry-on"): no connection, or a server that fails it."""

    connect: bool = True  # there was no connection to the server
    empty: bool = False  # the server left before it had answered
    junk: bool = False  # what it said is no HTTP
    timeout: bool = False  # it said nothing for `timeout server`
    statuses: frozenset[int] = frozenset()

    @property
    def repeats(self) -> bool:
        """Whether a request may go out again that a server has had already."""
        return self.empty or self.junk or self.timeout or bool(self.statuses)


@dataclass(frozen=True, slots=True)
class HttpFront:
    """What a frontend in mode http does with requests and responses.

    A `listen` section has the same rules as frontend and as backend; for its own requests they act once. `pages` are
    the answers in the place of the proxy's own error pages, by status: `errorfile` and `http-error`. `slots` are how
    many values of a request and of a response are captured for the log.
    """

    closing: Closing = Closing.KEEP_ALIVE
    timeouts: HttpTimeouts = field(default_factory=HttpTimeouts)
    content_rules: tuple[Rule, ...] = ()  # before anything else is done with a request
    request_rules: tuple[Rule, ...] = ()
    response_rules: tuple[Rule, ...] = ()
    after_rules: tuple[Rule, ...] = ()  # of all responses, when everything else has been done with them
    pages: Mapping[int, Page] = field(default_factory=dict)
    slots: tuple[int, int] = (0, 0)
    captures: Captures | None = None
    monitor_uri: bytes | None = None
    monitor_fail: tuple[Condition, ...] = ()
    unique_id: Callable[[HttpFacts], str] | None = None  # makes what tells requests apart
    unique_field: bytes | None = None  # by which servers are told
    ignore_probes: bool = False  # say and log nothing where nothing was sent
    tarpit_s: float | None = None  # how long `tarpit` lasts
    buffer_request: bool = False  # wait for the body of a request, as far as it fits, before anything is done
    forwarded_for: AddressField | None = None
    original_to: AddressField | None = None
    compression: Compression = field(default_factory=Compression)


@dataclass(frozen=True, slots=True)
class HttpBack:
    """What a backend in mode http does with requests and responses."""

    closing: Closing = Closing.KEEP_ALIVE
    reuse: Reuse = Reuse.SAFE
    retry_on: RetryOn = field(default_factory=RetryOn)
    content_rules: tuple[Rule, ...] = ()  # before anything else is done with a request
    request_rules: tuple[Rule, ...] = ()
    response_rules: tuple[Rule, ...] = ()
    after_rules: tuple[Rule, ...] = ()  # of all responses, when everything else has been done with them
    pages: Mapping[int, Page] = field(default_factory=dict)
    tarpit_s: float | None = None
    abort_on_close: bool = False
    request_s: float | None = None  # how long a body is waited for that is buffered
    buffer_request: bool = False
    prefer_last: bool = False  # a client's next request goes where it has a connection of its own
    pretend_keep_alive: bool = False  # servers are not told that their connection will be closed
    cookie: CookieSettings | None = None
    name_field: bytes | None = None  # tells servers their own name (`http-send-name-header`)
    forwarded_for: AddressField | None = None
    original_to: AddressField | None = None
    compression: Compression = field(default_factory=Compression)
