"""What a configuration says, as frozen dataclasses; built by `loader`, never changed afterwards.

Times are seconds as float, sizes are bytes, None means "not set". A `listen` section becomes a Frontend and a
Backend that share one name and one proxy id, as in HAProxy's statistics.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from wproxy.config.acl.facts import Condition, Facts, Fetcher
from wproxy.config.checks import AgentSettings, HealthCheck
from wproxy.config.http.cookie import PersistRule
from wproxy.config.http.hashing import HashedPart
from wproxy.config.http.model import HttpBack, HttpFront
from wproxy.config.login import Login
from wproxy.config.table_data import Stored
from wproxy.config.tls import TlsBind, TlsServer
from wproxy.config.tls_draft import TlsFiles
from wproxy.records import dataclass

if TYPE_CHECKING:
    from wproxy.config.formats import Piece  # which knows this module's errors

DRAWS = 2  # section 4.2, "balance random"
WEIGHT_MAX = 256  # HAProxy configuration manual, section 5.2, "weight"


class Mode(enum.Enum):
    """What a proxy understands of the bytes it passes on."""

    TCP = "tcp"
    HTTP = "http"
    REDIS = "redis"


class Level(enum.IntEnum):
    """What a client of a stats socket may do (management manual, section 9.3); a higher level includes the lower."""

    USER = 0
    OPERATOR = 1
    ADMIN = 2


@dataclass(frozen=True, slots=True)
class Location:
    """The line of a configuration file that said something."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen or to connect: host and port, or the path of a unix socket, or an inherited descriptor.

    `host` is an IPv4 or IPv6 literal without brackets, "" for every IPv4 address ("*"), "::" for every IPv6 one, or a
    name that the loader could not resolve to a literal by syntax alone; then `family` is the IP version that it has to
    have (4 or 6), 0 for any.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    fd: int | None = None
    family: int = 0

    def __str__(self) -> str:
        if self.fd is not None:
            return f"fd@{self.fd}"
        if self.path:
            return self.path
        host = f"[{self.host}]" if ":" in self.host else self.host or "*"
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The timeouts of one proxy, in seconds; None waits for ever (configuration manual, section 4.2)."""

    connect_s: float | None = None
    client_s: float | None = None
    server_s: float | None = None
    queue_s: float | None = None
    check_s: float | None = None
    tunnel_s: float | None = None
    client_fin_s: float | None = None
    server_fin_s: float | None = None


class Severity(enum.IntEnum):
    """Syslog's levels, the gravest first (configuration manual, section 4.2, "log")."""

    EMERG = 0
    ALERT = 1
    CRIT = 2
    ERR = 3
    WARNING = 4
    NOTICE = 5
    INFO = 6
    DEBUG = 7


class LogFormat(enum.Enum):
    """What stands in front of the text of a log line (configuration manual, section 4.2, "log")."""

    LOCAL = "local"
    RFC3164 = "rfc3164"
    RFC5424 = "rfc5424"
    PRIORITY = "priority"
    SHORT = "short"
    TIMED = "timed"
    ISO = "iso"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class LogTarget:
    """One `log` line: lines no less grave than `level` go to `address`, graver ones than `minimum` count as that.

    `address` is a UDP port, the path of a unix datagram socket or a descriptor; `length` is in bytes, without line end.
    Without `format` it is what `log-send-hostname` makes the default.
    """

    address: Address
    location: Location
    facility: int
    format: LogFormat | None = None
    length: int = 1024
    level: Severity = Severity.DEBUG
    minimum: Severity = Severity.EMERG


@dataclass(frozen=True, slots=True)
class Logs:
    """What one proxy logs, and where to; `separate_errors` raises the severity of what went wrong."""

    targets: tuple[LogTarget, ...] = ()
    tag: str | None = None
    format: tuple[Piece, ...] = ()  # of the line about a connection or a request; () for HAProxy's default
    null: bool = True
    normal: bool = True
    separate_errors: bool = False
    as_soon_as_possible: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """One listening address of a frontend; `number` is what rules and logs know it by (`id`)."""

    address: Address
    location: Location
    accept_proxy: bool = False
    tls: TlsBind | None = None
    name: str = ""
    number: int = 1


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """How a server's health is probed (configuration manual, section 5.2: inter, rise, fall).

    `host` and `port` are where, if not at the server's own address.
    """

    inter_s: float = 2.0
    rise: int = 2
    fall: int = 3
    fastinter_s: float | None = None
    downinter_s: float | None = None
    host: str | None = None
    port: int | None = None
    tls: TlsServer | None = None
    rule_tls: TlsServer | None = None  # where a rule asks for it


@dataclass(frozen=True, slots=True)
class ServerLine:
    """One `server` line of a backend. `send_proxy` is the version of the PROXY header that it gets."""

    name: str
    address: Address
    location: Location
    weight: int = 1
    maxconn: int | None = None
    check: CheckSettings | None = None
    disabled: bool = False
    backup: bool = False
    maxqueue: int | None = None
    slowstart_s: int = 0
    send_proxy: int | None = None
    check_send_proxy: bool = False
    non_stick: bool = False
    agent: AgentSettings | None = None
    shutdown_on_down: bool = False  # on-marked-down shutdown-sessions
    shutdown_backups_on_up: bool = False  # on-marked-up shutdown-backup-sessions
    tls: TlsServer | None = None
    login: Login | None = None  # as whom the proxy speaks to it, in Redis' protocol
    cookie: str = ""  # the value by which clients ask for it
    pool_max: int | None = None  # idle connections kept for other requests, in mode http
    reuse_max: int | None = None  # how often a connection may serve another request
    source: Address | None = None  # the address that connections to it come from
    minconn: int = 0  # what `maxconn` is without load; 0: it is the same under any load


@dataclass(frozen=True, slots=True)
class HashType:
    """How a hash leads to a server (`hash-type`): by a map or by a consistent ring, mixed by the avalanche hash or not.

    The `function` is for what is hashed; under `source` HAProxy uses the address as it is, whatever the function.
    """

    consistent: bool = False
    avalanche: bool = False
    function: str = "sdbm"


@dataclass(frozen=True, slots=True)
class UseBackend:
    """One `use_backend` rule: where clients go for which `condition` holds; None holds for all.

    Where `backend` is computed for each request, `compute` returns its name; with one that is not there the rules end.
    """

    backend: str
    condition: Condition | None
    location: Location
    compute: Callable[..., str] | None = None  # of HttpFacts in mode http, of Facts in the others


@dataclass(frozen=True, slots=True)
class UseServer:
    """One `use-server` rule: the server of clients for which `condition` holds, while it is there.

    Where `server` is computed for each request, `compute` returns its name; with one that is not there the rules end.
    """

    server: str
    condition: Condition
    location: Location
    compute: Callable[..., str] | None = None  # of HttpFacts in mode http, of Facts in the others


@dataclass(frozen=True, slots=True)
class ConnectionRule:
    """One `tcp-request connection` or `session` rule: whether clients for which `condition` holds are let in.

    One with an `act` does that, and lets the next rule decide.
    """

    accepts: bool
    condition: Condition | None
    location: Location
    act: Callable[[Facts], None] | None = None


@dataclass(frozen=True, slots=True)
class ContentRule:
    """One `tcp-request content` rule of mode tcp: whether clients for which `condition` holds go on.

    One with an `act` does that, when what it asks for is `ready`, and lets the next rule decide. Both tests return None
    while they cannot be decided, because more may come.
    """

    accepts: bool
    condition: Condition | None
    location: Location
    act: Callable[[Facts], None] | None = None
    ready: Condition | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a proxy in mode tcp wants to know of the first bytes of a client, and how long it waits for them."""

    rules: tuple[ContentRule, ...] = ()
    delay_s: float | None = None
    slots: int = 0  # of values that are captured


class StickKind(enum.Enum):
    """What the keys of a stick table are."""

    IP = "ip"
    IPV6 = "ipv6"
    INTEGER = "integer"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class StickTable:
    """One `stick-table`, called by the name of its section; without `expire_s` entries stay until room is needed."""

    name: str
    kind: StickKind
    size: int
    expire_s: float | None = None
    nopurge: bool = False
    length: int = 32
    stored: tuple[Stored, ...] = ()  # in the order of `config.table_data.DATA`


@dataclass(frozen=True, slots=True)
class StickRule:
    """One `stick` line: what is fetched, looked up in and stored to `table` for clients for which `condition` holds.

    One `of_response` is asked when the response's head is there, all others about the request.
    """

    table: str
    fetch: Fetcher
    condition: Condition | None
    matches: bool
    stores: bool
    location: Location
    of_response: bool = False


@dataclass(frozen=True, slots=True)
class StatsPage:
    """A statistics page: how its address begins, who may see it, which proxies it shows (all when `scope` is empty).

    Clients for which one of the conditions `admin` holds may change servers on it. `node` and `description` are shown
    unless they are None; "" is the global section's. `legends` shows addresses, cookies and algorithms as well,
    `modules` what is known of the Redis commands of each server.
    """

    uri: str
    realm: str
    users: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    refresh_s: int = 0
    hide_version: bool = False
    scope: frozenset[str] = frozenset()
    admin: tuple[Condition, ...] = ()
    legends: bool = False
    modules: bool = False
    node: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Whether the kernel probes one side's idle connections, and how: None is the system's own value (tcp(7))."""

    on: bool = False
    idle_s: int | None = None
    interval_s: int | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Frontend:
    """Where clients arrive. `proxy_id` is the `iid` of the statistics, counted from 2 (1 is HAProxy's GLOBAL)."""

    name: str
    proxy_id: int
    mode: Mode
    location: Location
    binds: tuple[Bind, ...] = ()
    default_backend: str | None = None
    maxconn: int | None = None
    disabled: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    logs: Logs = field(default_factory=Logs)
    switching: tuple[UseBackend, ...] = ()
    connection_rules: tuple[ConnectionRule, ...] = ()
    session_rules: tuple[ConnectionRule, ...] = ()
    inspection: Inspection = field(default_factory=Inspection)
    page: StatsPage | None = None
    keepalive: KeepAlive = field(default_factory=KeepAlive)
    login: Login | None = None  # what clients of mode redis must AUTH with
    http: HttpFront | None = None  # in mode http
    description: str = ""  # for the statistics page
    rate_limit: int | None = None  # new sessions a second


@dataclass(frozen=True, slots=True)
class RedisSlowLog:
    """Mode redis: the last `most` commands are kept that take longer than `slower_us` microseconds; None for none."""

    slower_us: int | None = None
    most: int = 128


@dataclass(frozen=True, slots=True)
class Backend:
    """Where servers stand.

    `redispatch` is which retry may go to another server: None none, n every n-th, -n the n-th from the last, as
    `option redispatch` counts them. `draws` is the argument of `balance random`. Without `fullconn` it follows from the
    frontends (`state.registry`). `redis_window_s` is how long any key lives, None when that is not known.
    """

    name: str
    proxy_id: int
    mode: Mode
    location: Location
    balance: str = "roundrobin"
    servers: tuple[ServerLine, ...] = ()
    retries: int = 3
    redispatch: int | None = None
    disabled: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    logs: Logs = field(default_factory=Logs)
    draws: int = DRAWS
    hash_type: HashType = field(default_factory=HashType)
    allbackups: bool = False
    stick_rules: tuple[StickRule, ...] = ()
    server_rules: tuple[UseServer, ...] = ()
    persist_rules: tuple[PersistRule, ...] = ()
    inspection: Inspection = field(default_factory=Inspection)
    persist: bool = False
    source: Address | None = None  # of connections to servers that name none
    fullconn: int | None = None
    check: HealthCheck = field(default_factory=HealthCheck)
    redis_eject: bool = False  # the slots of a server that is down go to the others
    redis_window_s: float | None = None
    slowlog: RedisSlowLog = field(default_factory=RedisSlowLog)
    keepalive: KeepAlive = field(default_factory=KeepAlive)
    http: HttpBack | None = None  # in mode http
    hashed: HashedPart = field(default_factory=HashedPart)  # by `balance` uri, url_param, hdr and hash
    page: StatsPage | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class StatsSocket:
    """One `stats socket` line: where it listens, who may open it (`mode`, `user`, `group`), what they may do."""

    address: Address
    location: Location
    level: Level = Level.OPERATOR
    mode: int | None = None
    user: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Global:
    """The `global` section. `log_hostname` is "" for the system's own, None to send none."""

    stats_sockets: tuple[StatsSocket, ...] = ()
    stats_timeout_s: float = 10.0
    stats_maxconn: int = 10
    bufsize: int = 16384  # bytes, of which heads may fill what `maxrewrite` leaves
    maxrewrite: int = 1024
    master_worker: bool = False  # a master process is asked for, as by -W
    fields_max: int = 101  # lines that a head may have, the first one included
    log_line_max: int = 1023  # how much of a request line is logged
    maxconn: int | None = None
    connection_rate: int = 0  # new clients a second, 0 for any: `maxconnrate`, `maxsessrate`
    session_rate: int = 0
    open_files: int | None = None  # `ulimit-n`
    strict_limits: bool = True  # whether a limit of open files that is too low keeps the process from starting
    nbthread: int = 1
    hard_stop_s: float | None = None  # how long live sessions may take to finish, None for ever
    daemon: bool = False
    pidfile: str | None = None
    user: int | None = None  # user, group and root to change to when everything is open
    group: int | None = None
    chroot: str | None = None
    node: str | None = None
    description: str | None = None
    state_file: str | None = None  # where runtime changes are kept; "none" nowhere, None the default place
    log_tag: str | None = None
    log_hostname: str | None = None
    spread_checks: float = 0.0  # how far a check's interval may be off, as a share of it
    max_spread_checks_s: float | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)  # for servers that are added at runtime


@dataclass(frozen=True, slots=True)
class Ignored:
    """A line that was accepted and has no effect here, with the reason; `-V` lists them."""

    location: Location
    keyword: str
    reason: str


@dataclass(frozen=True, slots=True)
class Config:
    """One whole configuration. Every `default_backend` names an existing backend of the same mode."""

    globals: Global = field(default_factory=Global)
    frontends: tuple[Frontend, ...] = ()
    backends: tuple[Backend, ...] = ()
    tables: tuple[StickTable, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    warnings: tuple[str, ...] = ()
