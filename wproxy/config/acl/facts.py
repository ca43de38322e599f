"""What a condition may ask about: one connection, and the process it came to.

`state`'s live objects fit these protocols as they are; a new fetch that needs more of them names it here.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import field
from typing import Literal, Protocol, TypeAlias

from wproxy.config.acl.content_facts import ContentFacts
from wproxy.config.acl.table_facts import TableFacts, TrackedFacts
from wproxy.config.acl.tracks import Tracks
from wproxy.config.table_data import BYTES_IN, BYTES_OUT, REQUEST, event_of
from wproxy.records import dataclass


class Kind(enum.Enum):
    """The type of a sample (manual, section 7.1): bool, int, packed address of 4 or 16 bytes, str, Binary.

    ANY is what only the moment tells: what a variable holds.
    """

    BOOLEAN = "boolean"
    INTEGER = "integer"
    ADDRESS = "ip"
    STRING = "string"
    BINARY = "binary"
    ANY = "any"


class Binary(str):
    """A sample that is no text, such as a digest; one character per byte, as in every other string."""

    __slots__ = ()


class Stage(enum.Flag):
    """Where a line is looked at, and what there is then of a request and a response (manual, section 7.3)."""

    CONNECTION = enum.auto()  # neither of them
    CONTENT = enum.auto()  # in mode tcp, the first bytes that the client has sent
    REQUEST = enum.auto()
    RESPONSE = enum.auto()
    LOG = enum.auto()


ALWAYS = Stage.CONNECTION | Stage.CONTENT | Stage.REQUEST | Stage.RESPONSE | Stage.LOG


Value: TypeAlias = bool | int | bytes | str


class ServerFacts(Protocol):
    """A live server."""

    weight: int
    current: int

    @property
    def running(self) -> bool:
        """Whether it is there at all."""

    @property
    def maxconn(self) -> int | None:
        """How many sessions it may have."""

    @property
    def configured_weight(self) -> int:
        """Its weight, 0 while it gets no new sessions."""


class BackendFacts(Protocol):
    """A live backend."""

    current: int
    proxy_id: int

    @property
    def usable(self) -> int:
        """How many servers may get new sessions."""

    @property
    def queue(self) -> Sized:
        """Those who wait for a server."""

    @property
    def servers(self) -> Sequence[ServerFacts]:
        """Its servers."""

    @property
    def by_name(self) -> Mapping[str, ServerFacts]:
        """Its servers by name."""


class FrontendFacts(Protocol):
    """A live frontend."""

    current: int
    proxy_id: int


class Process(Protocol):
    """The process: its proxies, and what only I/O can tell."""

    @property
    def backends(self) -> Mapping[str, BackendFacts]:
        """The backends that are not disabled."""

    @property
    def frontends(self) -> Mapping[str, FrontendFacts]:
        """The frontends that are not disabled."""

    @property
    def tables(self) -> Mapping[str, TableFacts]:
        """The stick tables."""

    @property
    def host_name(self) -> str:
        """The name of this host."""

    @property
    def number(self) -> int:
        """The process id."""

    def next_number(self) -> int:
        """Return the number of one more request that is counted."""

    @property
    def log_line_max(self) -> int:
        """How many characters of a request line are logged."""

    def is_local(self, address: bytes) -> bool:
        """Tell whether the packed `address` is one of this host's."""

    def random(self, limit: int) -> int:
        """Return a random number from 0 to `limit` - 1."""

    def date_s(self) -> int:
        """Return the seconds since 1970."""

    def date_us(self) -> int:
        """Return the microseconds since 1970."""

    def date_text(self, layout: str, seconds: int, *, local: bool) -> str:
        """Return `seconds` since 1970 in the `layout` of strftime(3), local time or UTC."""

    def proves(self, password: str, encrypted: str) -> bool:
        """Tell whether crypt(3) makes `encrypted` of `password`; both with one character per byte."""


class TlsFacts(Protocol):
    """The TLS that a client speaks; `ssl.SSLObject` is one, with `sni`, the name by which the client has called."""

    @property
    def sni(self) -> str | None:
        """The name by which the client has called."""

    @property
    def session_reused(self) -> bool | None:
        """Whether an earlier session was resumed."""

    def version(self) -> str | None:
        """Return the version, such as TLSv1.3."""

    def cipher(self) -> tuple[str, str, int] | None:
        """Return the cipher: its name, its version, its secret bits."""

    def selected_alpn_protocol(self) -> str | None:
        """Return the protocol that was agreed upon."""

    def getpeercert(self, binary_form: Literal[True]) -> bytes | None:
        """Return the client's certificate."""


@dataclass(slots=True)
class Facts:
    """One connection. Addresses are packed, None where there is none (unix sockets); `listener` counts from 1."""

    process: Process
    frontend: FrontendFacts
    frontend_name: str
    listener: int
    source: bytes | None = None
    source_port: int = 0
    destination: bytes | None = None
    destination_port: int = 0
    default_backend: str = ""
    tls: TlsFacts | None = None
    by_header: bool = False  # the addresses are those of a PROXY header
    backend: BackendFacts | None = None  # the one that was chosen
    backend_name: str = ""
    tracks: Tracks | None = None  # of the connection
    variables: dict[str, Value] = field(default_factory=dict)
    captures: list[str | None] = field(default_factory=list)  # for the log, one per slot of the frontend
    contents: ContentFacts | None = None  # what the client has sent, while that is looked at

    def track(self, number: int, entry: TrackedFacts) -> None:
        """Track `entry` as number `number` for as long as the connection lives."""
        if self.tracks is None:
            self.tracks = Tracks()
        self.tracks.set(number, entry)

    def tracked(self, number: int) -> TrackedFacts | None:
        """Return what is tracked as number `number`."""
        return None if self.tracks is None else self.tracks.of(number)

    def tracks_already(self, number: int) -> bool:
        """Tell whether a rule has begun to track something as number `number`."""
        return self.tracked(number) is not None

    def count(self, event: str, events: int = 1) -> None:
        """Count `events` of all that is tracked."""
        if self.tracks is not None:
            self.tracks.count(event, events)

    def release(self) -> None:
        """Track nothing any longer."""
        if self.tracks is not None:
            self.tracks.release()
            self.tracks = None


class FieldFacts(Protocol):
    """One header field."""

    @property
    def name(self) -> bytes:
        """Its name, in lower case."""

    @property
    def value(self) -> bytes:
        """Its value, without spaces around it."""


class FieldsFacts(Protocol):
    """The header fields of a message; names are in lower case, values without spaces around them."""

    minor: int  # of HTTP/1.x

    @property
    def fields(self) -> Sequence[FieldFacts]:
        """All fields in order."""

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all fields `name`, in order."""

    def add(self, name: bytes, value: bytes) -> None:
        """Add a field at the end."""

    def set(self, name: bytes, value: bytes) -> None:
        """Have one field `name` and no other."""

    def remove(self, name: bytes) -> None:
        """Remove all fields `name`."""

    def rewrite(self, change: Callable[[bytes, bytes], bytes | None]) -> None:
        """Give each field the value that `change` makes of its name and value; remove those of which it makes None."""


class RequestFacts(FieldsFacts, Protocol):
    """A request, which rules may change."""

    method: bytes
    target: bytes


class ResponseFacts(FieldsFacts, Protocol):
    """A response, which rules may change."""

    status: int
    reason: bytes


class ServerAddress(Protocol):
    """Where a server is."""

    @property
    def host(self) -> str:
        """Its address or name."""

    @property
    def port(self) -> int:
        """Its port."""


class ChosenServer(Protocol):
    """The server of an exchange."""

    current: int

    @property
    def address(self) -> ServerAddress:
        """Where it is."""


class ExchangeFacts(Protocol):
    """How far an exchange has come: `state.transaction.Transaction` is one. Times are None for what never came."""

    idle_since: float
    first_byte_at: float
    request_at: float
    assigned_at: float | None
    connected_at: float | None
    responded_at: float | None
    number: int  # -1 until it has one
    retries: int
    server_queue: int
    backend_queue: int
    termination: str
    cookies: str
    bytes_in: int
    bytes_out: int

    @property
    def server(self) -> ChosenServer | None:
        """The server that was chosen."""


@dataclass(slots=True)
class HttpFacts(Facts):
    """One connection in mode http and the request that it has now.

    One object serves all requests of a connection: `request` is the one in hand, `response` its response once that is
    there. `variables` are those of the session (names begin with `sess.`) and of the request in hand (`txn.`, `req.`,
    `res.`). `captures` and `response_captures` are values kept for the log, one per slot of the frontend.
    `server_name` and `server_id` are those of the server that was chosen; `first` tells that this is the connection's
    first request. Samples are str with one character per byte (Latin-1), whatever the bytes mean.
    """

    request: RequestFacts = None  # type: ignore[assignment] # there is one whenever a rule is asked
    response: ResponseFacts | None = None
    response_captures: list[str | None] = field(default_factory=list)
    server_name: str = ""
    server_id: int = 0
    first: bool = True
    captured_cookie: str | None = None  # for the log, as `name=value`
    captured_set_cookie: str | None = None
    log_level: int | None = None  # what set-log-level said; SILENT for no line at all
    once_only: bool = False  # it is not sent again when a server has failed it (`retry-on`)
    method: bytes = b""  # these two as they came, before any rule
    target: bytes = b""
    exchange: ExchangeFacts | None = None  # the one in hand
    identify: Callable[[HttpFacts], str] | None = None  # makes `unique_id`
    identity: str | None = None  # of the request in hand, once it has been asked for
    own_tracks: Tracks | None = None  # of the request in hand
    uncounted: list[TrackedFacts] | None = None  # while it does not count as a request: those that will count it

    @property
    def unique_id(self) -> str:
        """What tells this request apart from all others, "" where nothing does (manual, "unique-id-format")."""
        if self.identity is None:
            self.identity = "" if self.identify is None else self.identify(self).lstrip(" ")
        return self.identity

    @property
    def number(self) -> int:
        """The number of the request in the process, from 0; it gets one when it is first asked for."""
        exchange = self.exchange
        if exchange is None:
            return 0
        if exchange.number < 0:
            exchange.number = self.process.next_number()
        return exchange.number

    def begin(self, request: RequestFacts, slots: tuple[int, int]) -> None:
        """Turn to the next request; `slots` are how many values of requests and of responses are captured."""
        self.request = request
        self.response = None
        self.method, self.target = request.method, request.target
        if slots[0] or slots[1]:
            self.captures = [None] * slots[0]
            self.response_captures = [None] * slots[1]
        self.backend, self.backend_name = None, ""
        self.server_name, self.server_id = "", 0
        self.captured_cookie = self.captured_set_cookie = None
        self.log_level = self.identity = None
        self.once_only = False
        if self.variables:
            self.variables = {name: value for name, value in self.variables.items() if name.startswith("sess.")}
        if self.tracks is not None:
            if self.uncounted is None:
                self.count(REQUEST)
            else:
                self.uncounted += self.tracks.all()

    def inspect(self) -> None:
        """Look at a request that does not count as one yet: `tcp-request content` rules may turn it away."""
        self.uncounted = []

    def inspected(self) -> None:
        """Have it count."""
        uncounted, self.uncounted = self.uncounted, None
        for entry in uncounted or ():
            entry.count(REQUEST)

    def track(self, number: int, entry: TrackedFacts) -> None:
        """Track `entry` as number `number` up to the end of the request in hand."""
        if self.own_tracks is None:
            self.own_tracks = Tracks()
        self.own_tracks.set(number, entry)
        if self.uncounted is None:
            entry.count(REQUEST)
        else:
            self.uncounted.append(entry)
        event = "" if self.response is None else event_of(self.response.status)
        if event:
            entry.count(event)

    def tracked(self, number: int) -> TrackedFacts | None:
        """Return what the request, or else the connection, tracks as number `number`."""
        own = None if self.own_tracks is None else self.own_tracks.of(number)
        return Facts.tracked(self, number) if own is None else own

    def count(self, event: str, events: int = 1) -> None:
        """Count `events` of all that is tracked."""
        if self.own_tracks is not None:
            self.own_tracks.count(event, events)
        if self.tracks is not None:
            self.tracks.count(event, events, hidden_by=self.own_tracks)

    def heard(self, status: int) -> None:
        """Take note of the status of a server's response."""
        event = event_of(status)
        if event:
            self.count(event)

    def ended(self) -> None:
        """Take note that the exchange in hand is over."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None and (self.own_tracks is not None or self.tracks is not None):
            self.count(BYTES_IN, exchange.bytes_in)
            self.count(BYTES_OUT, exchange.bytes_out)
        if self.own_tracks is not None:
            self.own_tracks.release()
            self.own_tracks = None

    def answered(self, response: ResponseFacts) -> None:
        """Turn to the response of the request in hand."""
        self.response = response
        if self.variables:
            self.variables = {name: value for name, value in self.variables.items() if not name.startswith("req.")}


SILENT = -1  # as `log_level`

Condition: TypeAlias = Callable[[Facts], bool | None]
"""Whether a test holds; None, of lines that wait for data (`Scope.waits`) only, while that cannot be decided yet."""
Fetcher: TypeAlias = Callable[[Facts], Value | None]
