"""What a command of the Runtime API is: a row that names it, says who may use it, and does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wproxy.config.model import Level
from wproxy.errors import WproxyError
from wproxy.state.backend import Backend
from wproxy.state.control import Control
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry
from wproxy.state.server import Server


class CommandError(WproxyError):
    """A command that cannot be done. Raised by the commands, answered by the socket; its text is HAProxy's."""


@dataclass(slots=True)
class Conversation:
    """One client of a stats socket: what it may do, and whether it wants a prompt."""

    level: Level
    prompt: bool = False
    closing: bool = False


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
        """Return the server that `backend/server` names; raise CommandError with HAProxy's words."""
        backend_name, slash, server_name = name.partition("/")
        if not slash:
            raise CommandError("Require 'backend/server'.\n")
        backend = self.registry.backends.get(backend_name)
        if backend is None:
            raise CommandError("No such backend.\n")
        server = backend.by_name.get(server_name)
        if server is None:
            raise CommandError("No such server.\n")
        return server

    def frontend(self, name: str) -> Frontend:
        """Return the frontend of that name; raise CommandError."""
        if not name:
            raise CommandError("A frontend name is expected.\n")
        frontend = self.registry.frontends.get(name)
        if frontend is None:
            raise CommandError("No such frontend.\n")
        return frontend


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
