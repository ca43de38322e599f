"""A stats socket's client without a socket: the interpreter on a small proxy."""

from __future__ import annotations

from tests.unit.wproxy.state.parties import Clock, config, line
from wproxy.config.model import Level
from wproxy.runtime.command import (
    Context,
    Conversation,
    ErrorsRequest,
    InformationRequest,
    Reports,
    StatisticsRequest,
)
from wproxy.runtime.interpreter import Interpreter, split_line
from wproxy.state.control import Control
from wproxy.state.registry import Registry


class Client:
    """What one client says at `level`, to a proxy with servers back/a (30) and back/b (70)."""

    def __init__(self, level: Level = Level.ADMIN) -> None:
        self.asked: StatisticsRequest | InformationRequest | ErrorsRequest | None = None
        self.registry = Registry(config(line("a", 30), line("b", 70)), 100, 0.0)
        self.control = Control(self.registry, Clock())
        self.conversation = Conversation(level)
        self.has_master = True
        reports = Reports(
            statistics=self._note,
            information=self._note,
            servers_state=lambda backends: f"state of {[backend.name for backend in backends]}\n",
            schema=lambda: "schema\n",
            errors=self._note,
            processes=lambda: "processes\n",
            reload=lambda: self.has_master,
        )
        self.context = Context(self.registry, self.control, reports, self.conversation)
        self.a, self.b = self.registry.backends["back"].servers
        self._interpreter = Interpreter()

    def _note(self, request: StatisticsRequest | InformationRequest | ErrorsRequest) -> str:
        self.asked = request
        return "report\n"

    def say(self, line: str) -> str:
        """Return what the commands of one line are answered, all together."""
        return "".join(self._interpreter.execute(self.context, command) for command in split_line(line))
