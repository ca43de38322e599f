"""What the keywords write to while a configuration is read: the mutable counterparts of the model.

A proxy's draft starts as a copy of the `defaults` section in force, so inheritance is that copy and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wproxy.config.check_draft import CheckDraft
from wproxy.config.grammar import Section
from wproxy.config.model import Address, CheckSettings, Level, Location, Mode, StatsSocket

_CHECK = CheckSettings()


@dataclass(slots=True)
class GlobalDraft:
    """The `global` sections of all files together."""

    stats_sockets: list[StatsSocket] = field(default_factory=list)
    stats_timeout_s: float = 10.0
    maxconn: int | None = None
    nbthread: int = 1
    daemon: bool = False
    pidfile: str | None = None
    node: str | None = None
    description: str | None = None
    spread_checks: float = 0.0
    max_spread_checks_s: float | None = None


@dataclass(slots=True)
class BindDraft:
    """One `bind` or `stats socket` line."""

    location: Location
    addresses: tuple[Address, ...] = ()
    level: Level = Level.OPERATOR
    mode: int | None = None
    user: str | None = None
    group: str | None = None


@dataclass(slots=True)
class ServerDraft:
    """One `server` line, or what `default-server` lines say about all that follow."""

    location: Location
    name: str = ""
    address: Address = field(default_factory=Address)
    weight: int = 1
    maxconn: int | None = None
    check: bool = False
    inter_s: float = _CHECK.inter_s
    rise: int = _CHECK.rise
    fall: int = _CHECK.fall
    fastinter_s: float | None = None
    downinter_s: float | None = None
    check_host: str | None = None
    check_port: int | None = None
    agent_check: bool = False
    agent_host: str | None = None
    agent_port: int | None = None
    agent_inter_s: float = 2.0
    agent_send: bytes = b""
    shutdown_on_down: bool = False
    shutdown_backups_on_up: bool = False
    disabled: bool = False

    def child(self, location: Location) -> ServerDraft:
        """Return the draft of the line at `location`, which starts with what is set here."""
        return replace(self, location=location)


@dataclass(slots=True)
class ProxyDraft:
    """One `defaults`, `frontend`, `backend` or `listen` section."""

    section: Section
    name: str
    location: Location
    mode: Mode = Mode.TCP
    mode_location: Location | None = None
    binds: list[BindDraft] = field(default_factory=list)
    default_backend: str | None = None
    default_backend_location: Location | None = None
    maxconn: int | None = None
    balance: str = "roundrobin"
    balance_location: Location | None = None
    retries: int = 3
    redispatch: int | None = None
    disabled: bool = False
    connect_s: float | None = None
    client_s: float | None = None
    server_s: float | None = None
    queue_s: float | None = None
    check_s: float | None = None
    tunnel_s: float | None = None
    check: CheckDraft = field(default_factory=CheckDraft)
    default_server: ServerDraft = field(default_factory=lambda: ServerDraft(Location("", 0)))
    servers: list[ServerDraft] = field(default_factory=list)

    def child(self, section: Section, name: str, location: Location) -> ProxyDraft:
        """Return the draft of a section that begins at `location` and inherits what is set here."""
        return replace(
            self,
            section=section,
            name=name,
            location=location,
            binds=[],
            servers=[],
            default_server=replace(self.default_server),
            check=self.check.child(),
        )

    @property
    def has_frontend(self) -> bool:
        """Whether clients arrive here."""
        return self.section in (Section.FRONTEND, Section.LISTEN)

    @property
    def has_backend(self) -> bool:
        """Whether servers stand here."""
        return self.section in (Section.BACKEND, Section.LISTEN)
