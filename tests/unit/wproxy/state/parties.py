"""Live parts made of short configurations, and a clock that stands still until it is moved."""

from __future__ import annotations

from dataclasses import dataclass, field

from wproxy.config.model import Address, Backend, CheckSettings, Config, Frontend, Location, Mode, ServerLine, Timeouts
from wproxy.state import backend as live
from wproxy.state.server import Server
from wproxy.state.session import Carriage, Standing

HERE = Location("test.cfg", 1)


@dataclass
class Clock:
    """Steady seconds."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def line(
    name: str = "a", weight: int = 1, *, maxconn: int | None = None, check: bool = False, disabled: bool = False,
    backup: bool = False, maxqueue: int | None = None, slowstart_s: int = 0,
) -> ServerLine:  # fmt: skip
    settings = CheckSettings(rise=2, fall=3) if check else None
    return ServerLine(
        name, Address("127.0.0.1", 1), HERE, weight, maxconn, settings, disabled, backup, maxqueue, slowstart_s
    )


def backend_config(*servers: ServerLine, name: str = "back", proxy_id: int = 3, balance: str = "roundrobin") -> Backend:
    return Backend(name, proxy_id, Mode.TCP, HERE, balance, servers)


def frontend_config(name: str = "front", proxy_id: int = 2, maxconn: int | None = None) -> Frontend:
    return Frontend(name, proxy_id, Mode.TCP, HERE, (), "back", maxconn, timeouts=Timeouts())


def config(*servers: ServerLine, balance: str = "roundrobin") -> Config:
    return Config(frontends=(frontend_config(),), backends=(backend_config(*servers, balance=balance),))


def backend(*servers: ServerLine, balance: str = "roundrobin") -> live.Backend:
    return live.Backend(backend_config(*servers, balance=balance), 100.0)


def server(**options: int | bool) -> Server:
    return Server("back", 1, line(**options), 100.0)  # type: ignore[arg-type] # the keyword arguments of `line`


@dataclass(eq=False)
class Waiter:
    """Somebody in the queue, who notes what it got."""

    number: int
    got: list[Server | None] = field(default_factory=list)

    def grant(self, server: Server | None) -> None:
        self.got.append(server)


@dataclass(eq=False)
class Carrier:
    """A connection that notes its end."""

    name: str
    killed: list[str]
    stands: Standing | None = None
    unanswered: bool = False

    def carriage(self) -> Carriage:
        return Carriage("tcpv4", "127.0.0.1:5", "127.0.0.1:6", "127.0.0.1:7", "EST", 62.0, 1, 2, (8, 9))

    def standing(self) -> Standing | None:
        return self.stands

    def owes_answer(self) -> bool:
        return self.unanswered

    def close(self, cause: str) -> None:
        self.killed.append(f"{self.name} {cause}")

    def kill(self) -> None:
        self.killed.append(self.name)
