"""What a command of the Runtime API is: a row that names it, says who may use it, and does it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import TypeVar

from wproxy.config.model import Level
from wproxy.errors import WproxyError
from wproxy.records import dataclass
from wproxy.state.backend import Backend
from wproxy.state.captures import Side
from wproxy.state.control import Control
from wproxy.state.frontend import Frontend, FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Server

P = TypeVar("P")
PORTS = 65536  # one more than the highest
_LONGEST_NUMBER = 12


class Severity(enum.IntEnum):
    """How grave a message is, as in syslog; shown when the client has asked for it by `set severity-output`."""

    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6


class SeverityOutput(enum.Enum):
    """How the client wants severities to be shown."""

    NONE = "none"
    NUMBER = "number"
    STRING = "string"

    def prefix(self, severity: Severity) -> str:
        """Return what stands in front of a message."""
        if self is SeverityOutput.NONE:
            return ""
        return f"[{severity.name.lower() if self is SeverityOutput.STRING else severity.value}]: "


class CommandError(WproxyError):
    """A command that cannot be done. Raised by the commands, answered by the socket; its text is HAProxy's."""


@dataclass(frozen=True, slots=True)
class Message:
    """An answer that is no data but a sentence, with its severity."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Follow:
    """A command that is run again and again `until` that time, then `end`; `lines` makes of an answer what is shown."""

    command: str
    end: str
    until: float
    clock: Callable[[], float]
    lines: Callable[[str], list[str]]


@dataclass(slots=True)
class Conversation:
    """One client of a stats socket: what it may do, and what it has asked for about the conversation itself.

    `payload` is what came behind `<<` with the command that runs now.
    """

    level: Level
    prompt: bool = False
    closing: bool = False
    severity: SeverityOutput = SeverityOutput.NONE
    idle_s: float | None = None  # of `set timeout cli`
    expert: bool = False
    experimental: bool = False
    payload: str = ""
    wants_sockets: bool = False  # the client is the next process
    follow: Follow | None = None  # what the client watches


@dataclass(frozen=True, slots=True)
class StatisticsRequest:
    """What `show stat` asks for: which lines, in which of the forms csv, typed and json, with or without descriptions.

    -1 is any proxy, kind (a mask: 1 frontends, 2 backends, 4 servers) or server.
    """

    proxy_id: int = -1
    kinds: int = -1
    server_id: int = -1
    form: str = "csv"
    described: bool = False
    up: bool = False
    no_maint: bool = False
    legends: bool = True


@dataclass(frozen=True, slots=True)
class InformationRequest:
    """What `show info` asks for: one of the forms plain, typed and json, with descriptions, with fractions."""

    form: str = "plain"
    described: bool = False
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ErrorsRequest:
    """What `show errors` asks for: of one proxy or -1 for all, of requests, of responses or None for both."""

    proxy_id: int = -1
    side: Side | None = None


@dataclass(frozen=True, slots=True)
class Reports:
    """The texts that `observe` makes; `app` passes them in, because `runtime` and `observe` do not see each other."""

    statistics: Callable[[StatisticsRequest], str]
    information: Callable[[InformationRequest], str]
    servers_state: Callable[[Sequence[Backend]], str]
    schema: Callable[[], str]
    errors: Callable[[ErrorsRequest], str]
    processes: Callable[[], str]
    reload: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Context:
    """What a command works on."""

    registry: Registry
    control: Control
    reports: Reports
    conversation: Conversation = field(default_factory=lambda: Conversation(Level.ADMIN))

    def server(self, name: str) -> Server:
        """Return the server of `backend/server`, each a name or `#id`; raise CommandError with HAProxy's words."""
        backend_name, _, server_name = name.partition("/")
        if not server_name:
            raise CommandError("Require 'backend/server'.\n")
        backend = self.backend(backend_name)
        if backend is None:
            raise CommandError("No such backend.\n")
        server = named_or_numbered(server_name, backend.by_name, lambda server: server.server_id)
        if server is None:
            raise CommandError("No such server.\n")
        return server

    def server_to_change(self, name: str) -> Server:
        """Return the same, unless its `listen` section has been shut down."""
        server = self.server(name)
        frontend = self.registry.frontends.get(server.backend_name)
        if frontend is not None and frontend.status is FrontendStatus.STOPPED:
            raise CommandError("Proxy is disabled.\n")
        return server

    def backend(self, name: str) -> Backend | None:
        """Return the backend of that name or `#id`."""
        return named_or_numbered(name, self.registry.backends, lambda backend: backend.proxy_id)

    def proxy(self, name: str) -> Backend | Frontend | None:
        """Return the backend or frontend of that name or `#id`."""
        return self.backend(name) or named_or_numbered(name, self.registry.frontends, lambda one: one.proxy_id)

    def frontend(self, name: str) -> Frontend:
        """Return the frontend of that name or `#id`; raise CommandError."""
        if not name:
            raise CommandError("A frontend name is expected.\n")
        frontend = named_or_numbered(name, self.registry.frontends, lambda frontend: frontend.proxy_id)
        if frontend is None:
            raise CommandError("No such frontend.\n")
        return frontend


def named_or_numbered(name: str, parties: Mapping[str, P], number_of: Callable[[P], int]) -> P | None:
    """Return the one of that name, or of that number for a name such as `#3`."""
    number = name.removeprefix("#")
    if number == name or not (number.isascii() and number.isdigit()):
        return parties.get(name)
    return next((party for party in parties.values() if str(number_of(party)) == number), None)


Handler = Callable[[Context, Sequence[str]], str | Message]
Setting = Callable[[Context, Server, Sequence[str]], str | Message]  # what `set server … <word>` does with the rest


@dataclass(frozen=True, slots=True)
class Command:
    """A row: `words` name the command, `usage` and `summary` are its line in `help`, `run` gets the words that follow.

    `run` returns what is answered, ended by a line end unless it is empty. A hidden command is not in `help`.
    """

    words: tuple[str, ...]
    usage: str
    summary: str
    level: Level
    run: Handler
    hidden: bool = False


def whole_number(text: str, otherwise: str) -> int:
    """Return the number that `text` is; raise CommandError with the words `otherwise`.

    HAProxy takes the digits in front, so that a slip of the finger is 0: here it is an error.
    """
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _LONGEST_NUMBER):
        raise CommandError(otherwise)
    return int(text)


def word(arguments: Sequence[str], index: int) -> str:
    """Return an argument, "" when there are fewer."""
    return arguments[index] if index < len(arguments) else ""
