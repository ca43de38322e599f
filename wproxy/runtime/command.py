"""What a command of the Runtime API is: a row that names it, says who may use it, and does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from wproxy.config.model import Level
from wproxy.errors import WproxyError
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry
from wproxy.state.server import Server

P = TypeVar("P")


class CommandError(WproxyError):
    """A command that cannot be done. Raised by the commands, answered by the socket; its text is HAProxy's."""


@dataclass(slots=True)
class Conversation:
    """One client of a stats socket: what it may do, and whether it wants a prompt."""

    level: Level
    prompt: bool = False
    closing: bool = False
    wants_sockets: bool = False  # the client is the next process


@dataclass(frozen=True, slots=True)
class Reports:
    """The texts that `observe` makes; `app` passes them in, because `runtime` and `observe` do not see each other."""

    statistics: Callable[[int, int, int], str]
    information: Callable[[], str]
    servers_state: Callable[[Sequence[Backend]], str]


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
        server = _named_or_numbered(server_name, backend.by_name, lambda server: server.server_id)
        if server is None:
            raise CommandError("No such server.\n")
        return server

    def backend(self, name: str) -> Backend | None:
        """Return the backend of that name or `#id`."""
        return _named_or_numbered(name, self.registry.backends, lambda backend: backend.proxy_id)

    def proxy(self, name: str) -> Backend | Frontend | None:
        """Return the backend or frontend of that name or `#id`."""
        return self.backend(name) or _named_or_numbered(name, self.registry.frontends, lambda one: one.proxy_id)

    def frontend(self, name: str) -> Frontend:
        """Return the frontend of that name or `#id`; raise CommandError."""
        if not name:
            raise CommandError("A frontend name is expected.\n")
        frontend = _named_or_numbered(name, self.registry.frontends, lambda frontend: frontend.proxy_id)
        if frontend is None:
            raise CommandError("No such frontend.\n")
        return frontend


def _named_or_numbered(name: str, parties: Mapping[str, P], number_of: Callable[[P], int]) -> P | None:
    """Return the one of that name, or of that number for a name such as `#3`."""
    number = name.removeprefix("#")
    if number == name or not (number.isascii() and number.isdigit()):
        return parties.get(name)
    return next((party for party in parties.values() if str(number_of(party)) == number), None)


Handler = Callable[[Context, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Command:
    """A row: `words` name the command, `usage` and `summary` are its line in `help`, `run` gets the words that follow.

    `run` returns what is answered, ended by a line end unless it is empty.
    """

    words: tuple[str, ...]
    usage: str
    summary: str
    level: Level
    run: Handler
    hidden: bool = False


def word(arguments: Sequence[str], index: int) -> str:
    """Return an argument, "" when there are fewer."""
    return arguments[index] if index < len(arguments) else ""
