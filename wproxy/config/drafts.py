"""What the keywords write to while a configuration is read: the mutable counterparts of the model.

A proxy's draft starts as a copy of the `defaults` section in force, so inheritance is that copy and nothing else.
"""

from __future__ import annotations

from dataclasses import field, replace

from wproxy.config.acl.facts import Condition
from wproxy.config.check_draft import CheckDraft
from wproxy.config.formats import Piece
from wproxy.config.grammar import Section, Statement
from wproxy.config.http.cookie import CookieSettings, PersistRule
from wproxy.config.http.draft import HttpDraft
from wproxy.config.http.forwarding import AddressField
from wproxy.config.http.hashing import HashedPart
from wproxy.config.http.squeezing import Compression
from wproxy.config.model import (
    DRAWS,
    Address,
    CheckSettings,
    ConnectionRule,
    ContentRule,
    HashType,
    KeepAlive,
    Level,
    Location,
    LogTarget,
    Mode,
    RedisSlowLog,
    StatsSocket,
    StickKind,
    StickRule,
    UseBackend,
    UseServer,
)
from wproxy.config.table_data import Stored
from wproxy.config.tls import TlsBind, TlsServer
from wproxy.config.tls_draft import TlsDraft, TlsFiles
from wproxy.records import dataclass

_CHECK = CheckSettings()


@dataclass(slots=True)
class GlobalDraft:
    """The `global` sections of all files together."""

    stats_sockets: list[StatsSocket] = field(default_factory=list)
    stats_timeout_s: float = 10.0
    stats_maxconn: int = 10
    bufsize: int = 16384
    maxrewrite: int = 1024
    fields_max: int = 101
    master_worker: bool = False
    log_line_max: int = 1023
    maxconn: int | None = None
    connection_rate: int = 0
    session_rate: int = 0
    open_files: int | None = None
    strict_limits: bool = True
    nbthread: int = 1
    hard_stop_s: float | None = None
    daemon: bool = False
    pidfile: str | None = None
    user: int | None = None
    group: int | None = None
    chroot: str | None = None
    state_file: str | None = None
    node: str | None = None
    description: str | None = None
    log_targets: tuple[LogTarget, ...] = ()
    log_tag: str | None = None
    log_hostname: str | None = None
    spread_checks: float = 0.0
    max_spread_checks_s: float | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)


@dataclass(slots=True)
class BindDraft:
    """One `bind` or `stats socket` line."""

    location: Location
    addresses: tuple[Address, ...] = ()
    level: Level = Level.OPERATOR
    mode: int | None = None
    user: str | None = None
    group: str | None = None
    accept_proxy: bool = False
    name: str = ""
    number: int | None = None  # None for the next one that is free
    tls: TlsDraft = field(default_factory=TlsDraft)
    tls_made: TlsBind | None = None  # by `config.contexts`


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One `acl` line, or one line with a condition: `target` is the ACL's name, the backend or the action."""

    keyword: str
    target: str
    words: tuple[str, ...]
    location: Location


@dataclass(slots=True)
class TableDraft:
    """One `stick-table` line."""

    location: Location
    kind: StickKind | None = None
    length: int = 32
    size: int = 0
    expire_s: float | None = None
    nopurge: bool = False
    stored: list[Stored] = field(default_factory=list)


@dataclass(slots=True)
class PageDraft:
    """The `stats …` lines of one section, which begins at `owner`; `location` is the first of them."""

    owner: Location
    location: Location
    uri: str = "/haproxy?stats"
    realm: str = "HAProxy Statistics"
    users: list[tuple[str, str]] = field(default_factory=list, repr=False)
    refresh_s: int = 0
    hide_version: bool = False
    scope: list[str] = field(default_factory=list)
    legends: bool = False
    modules: bool = False
    node: str | None = None
    description: str | None = None


@dataclass(slots=True)
class ServerDraft:
    """One `server` line, or what `default-server` lines say about all that follow."""

    location: Location
    name: str = ""
    address: Address = field(default_factory=Address)
    weight: int = 1
    maxconn: int | None = None
    minconn: int = 0
    source: Address | None = None
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
    backup: bool = False
    maxqueue: int | None = None
    pool_max: int | None = None
    reuse_max: int | None = None
    slowstart_s: float = 0.0
    send_proxy: int | None = None
    check_send_proxy: bool = False
    non_stick: bool = False
    cookie: str = ""
    redis_user: str | None = None
    redis_password: str | None = field(default=None, repr=False)
    unserved: tuple[Statement, ...] = ()  # parameters that change what mode http does, not done yet
    tls: TlsDraft = field(default_factory=TlsDraft)
    tls_made: TlsServer | None = None  # by `config.contexts`
    check_tls: TlsServer | None = None  # the same
    rule_tls: TlsServer | None = None  # the same

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
    rate_limit: int | None = None
    source: Address | None = None
    balance: str = "roundrobin"
    balance_location: Location | None = None
    draws: int = DRAWS
    hash_type: HashType = field(default_factory=HashType)
    hashed: HashedPart = field(default_factory=HashedPart)
    hashed_line: RuleLine | None = None  # `balance hash`, whose fetch `config.rules` puts into `hashed`
    allbackups: bool = False
    retries: int = 3
    redispatch: int | None = None
    disabled: bool = False
    connect_s: float | None = None
    client_s: float | None = None
    server_s: float | None = None
    queue_s: float | None = None
    check_s: float | None = None
    tunnel_s: float | None = None
    client_fin_s: float | None = None
    server_fin_s: float | None = None
    log_targets: tuple[LogTarget | None, ...] = ()  # None stands for those of the global section
    log_tag: str | None = None
    log_format_location: Location | None = None  # of the line that asked for more than the default format
    tcplog: bool = False
    httplog: bool = False
    clf: bool = False  # `option httplog clf`
    httpslog: bool = False  # in mode http, with what it adds about TLS
    log_format: RuleLine | None = None
    log_pieces: tuple[Piece, ...] = ()  # made by `config.rules`
    log_null: bool = True
    log_normal: bool = True
    log_separate_errors: bool = False
    log_asap: bool = False
    check: CheckDraft = field(default_factory=CheckDraft)
    default_server: ServerDraft = field(default_factory=lambda: ServerDraft(Location("", 0)))
    servers: list[ServerDraft] = field(default_factory=list)
    page: PageDraft | None = None
    description: str = ""
    guards: list[Statement] = field(default_factory=list)  # lines that let in or deny clients of mode http
    unserved: list[Statement] = field(default_factory=list)  # lines that change what mode http does, not done yet
    rules: list[RuleLine] = field(default_factory=list)
    http: HttpDraft = field(default_factory=HttpDraft)
    switching: list[UseBackend] = field(default_factory=list)  # made of `rules` by `config.rules`
    connection_rules: list[ConnectionRule] = field(default_factory=list)  # the same
    session_rules: list[ConnectionRule] = field(default_factory=list)  # the same
    content_rules: list[ContentRule] = field(default_factory=list)  # the same, but for mode http
    inspect_delay_s: float | None = None
    stick_rules: list[StickRule] = field(default_factory=list)  # the same
    server_rules: list[UseServer] = field(default_factory=list)  # the same
    page_admins: list[Condition] = field(default_factory=list)  # the same
    table: TableDraft | None = None
    persist: bool = False
    redis_window_s: float | None = None
    fullconn: int | None = None
    cookie: CookieSettings | None = None
    cookie_location: Location | None = None
    persist_rules: list[PersistRule] = field(default_factory=list)  # made of `rules` by `config.rules`
    name_field: str = ""
    forwarded_for: AddressField | None = None
    forwarded_for_location: Location | None = None
    original_to: AddressField | None = None
    original_to_location: Location | None = None
    compression: Compression = field(default_factory=Compression)
    client_keepalive: KeepAlive = field(default_factory=KeepAlive)
    server_keepalive: KeepAlive = field(default_factory=KeepAlive)
    redis_user: str | None = None
    redis_password: str | None = field(default=None, repr=False)
    redis_eject: bool = False
    slowlog: RedisSlowLog = field(default_factory=RedisSlowLog)
    slowlog_location: Location | None = None

    def child(self, section: Section, name: str, location: Location) -> ProxyDraft:
        """Return the draft of a section that begins at `location` and inherits what is set here."""
        return replace(
            self,
            section=section,
            name=name,
            location=location,
            binds=[],
            servers=[],
            guards=list(self.guards),
            unserved=list(self.unserved),
            rules=list(self.rules),
            http=self.http.child(),
            switching=[],
            connection_rules=[],
            session_rules=[],
            content_rules=[],
            stick_rules=[],
            server_rules=[],
            persist_rules=[],
            page_admins=[],
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
