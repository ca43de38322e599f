"""What can be asked about a connection, a row each (manual, sections 7.3.2 and 7.3.3), and the table of all fetches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wproxy.config.acl import arguments
from wproxy.config.acl.arguments import Argument
from wproxy.config.acl.contents import CONTENT_ALIASES, CONTENT_FETCHES
from wproxy.config.acl.cookies import COOKIE_FETCHES
from wproxy.config.acl.counters import COUNTER_FETCHES, NUMBERED_FETCHES
from wproxy.config.acl.facts import BackendFacts, Facts, Fetcher, Kind, ServerFacts, TlsFacts, Value
from wproxy.config.acl.fetch import Fetch, plain
from wproxy.config.acl.headers import HEADER_FETCHES
from wproxy.config.acl.http_fetches import HTTP_FETCHES
from wproxy.config.acl.targets import TARGET_FETCHES

_RANDOM_LIMIT = 2**32
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


def _constant(name: str, kind: Kind, argument: Argument) -> Fetch:
    return Fetch(name, kind, lambda value: lambda facts: value, (argument,))


def _of_backend(name: str, value: Callable[[BackendFacts], int]) -> Fetch:
    """Return the row of a number of a backend; a disabled one counts as 0."""

    def make(backend: str) -> Fetcher:
        def fetch(facts: Facts) -> int:
            live = facts.process.backends.get(backend)
            return 0 if live is None else value(live)

        return fetch

    return Fetch(name, Kind.INTEGER, make, (arguments.backend,))


def _of_server(name: str, kind: Kind, value: Callable[[ServerFacts], Value]) -> Fetch:
    """Return the row of a fact about a server; nothing is known of one whose backend is disabled."""

    def make(name: tuple[str, str]) -> Fetcher:
        def fetch(facts: Facts) -> Value | None:
            live = facts.process.backends.get(name[0])
            return None if live is None else value(live.by_name[name[1]])

        return fetch

    return Fetch(name, kind, make, (arguments.server,))


def _frontend_connections(name: str) -> Fetcher:
    def fetch(facts: Facts) -> int:
        live = facts.process.frontends.get(name)
        return 0 if live is None else live.current

    return fetch


def _average_queue(backend: BackendFacts) -> int:
    """Return the length of the queue per usable server, rounded up; twice the queue when none is usable."""
    waiting = len(backend.queue)
    return -(-waiting // backend.usable) if backend.usable else 2 * waiting


def _free(backend: BackendFacts) -> int:
    """Return how many sessions the servers would still take; -1 when one of them has no limit."""
    free = 0
    for server in backend.servers:
        if server.running and server.configured_weight:
            if server.maxconn is None:
                return -1
            free += max(server.maxconn - server.current, 0)
    return free


def _slots(backend: BackendFacts) -> int:
    """Return -1: without `maxqueue`, which every server would need, HAProxy does not know the slots either."""
    return -1 if any(server.running and server.configured_weight for server in backend.servers) else 0


def _of_tls(name: str, kind: Kind, value: Callable[[TlsFacts], Value | None], *, without: Value | None = None) -> Fetch:
    """Return the row of a fact about the client's TLS; `without` is said of a client that speaks none."""
    return plain(name, kind, lambda facts: without if facts.tls is None else value(facts.tls))


def _has_shown_certificate(tls: TlsFacts) -> bool:
    """Tell whether the client has shown a certificate on this very connection, not on one that it resumes."""
    return not tls.session_reused and tls.getpeercert(True) is not None


def _date(offset: int, unit: int) -> Fetcher:
    if unit == _UNITS["s"]:
        return lambda facts: facts.process.date_s() + offset
    return lambda facts: facts.process.date_us() // unit + offset


def _backend_name(facts: Facts) -> str:
    """Return the backend's name; while a frontend chooses, the backend is the frontend itself (manual, "be_id")."""
    return facts.backend_name or facts.frontend_name


def _backend_id(facts: Facts) -> int:
    return facts.frontend.proxy_id if facts.backend is None else facts.backend.proxy_id


def _source_is_local(facts: Facts) -> Value | None:
    return None if facts.source is None else facts.process.is_local(facts.source)


def _destination_is_local(facts: Facts) -> Value | None:
    return None if facts.destination is None else facts.process.is_local(facts.destination)


def _server_room(server: ServerFacts) -> int:
    return -1 if server.maxconn is None else server.maxconn - server.current


_ROWS = (
    plain("always_false", Kind.BOOLEAN, lambda facts: False),
    plain("always_true", Kind.BOOLEAN, lambda facts: True),
    _of_backend("avg_queue", _average_queue),
    _of_backend("be_conn", lambda backend: backend.current),
    _of_backend("be_conn_free", _free),
    plain("be_id", Kind.INTEGER, _backend_id),
    plain("be_name", Kind.STRING, _backend_name),
    _constant("bool", Kind.BOOLEAN, arguments.boolean),
    _of_backend("connslots", _slots),
    Fetch("date", Kind.INTEGER, _date, (arguments.optional_integer, arguments.one_of(**_UNITS))),
    plain("date_us", Kind.INTEGER, lambda facts: facts.process.date_us() % 1_000_000),
    plain("dst", Kind.ADDRESS, lambda facts: facts.destination),
    plain("dst_is_local", Kind.BOOLEAN, _destination_is_local),
    plain("dst_port", Kind.INTEGER, lambda facts: facts.destination_port or None),
    Fetch("env", Kind.STRING, lambda value: lambda facts: value or None, (arguments.environment,)),
    plain("fc_rcvd_proxy", Kind.BOOLEAN, lambda facts: facts.by_header),
    Fetch("fe_conn", Kind.INTEGER, _frontend_connections, (arguments.frontend,)),
    plain("fe_defbe", Kind.STRING, lambda facts: facts.default_backend or None),
    plain("fe_id", Kind.INTEGER, lambda facts: facts.frontend.proxy_id),
    plain("fe_name", Kind.STRING, lambda facts: facts.frontend_name),
    plain("hostname", Kind.STRING, lambda facts: facts.process.host_name),
    _constant("int", Kind.INTEGER, arguments.integer),
    _constant("ipv4", Kind.ADDRESS, arguments.ipv4),
    _constant("ipv6", Kind.ADDRESS, arguments.ipv6),
    _of_backend("nbsrv", lambda backend: backend.usable),
    _of_backend("queue", lambda backend: len(backend.queue)),
    Fetch(
        "rand",
        Kind.INTEGER,
        lambda limit: lambda facts: facts.process.random(limit or _RANDOM_LIMIT),
        (arguments.optional_integer,),
    ),
    plain("so_id", Kind.INTEGER, lambda facts: facts.listener),
    plain("src", Kind.ADDRESS, lambda facts: facts.source),
    plain("src_is_local", Kind.BOOLEAN, _source_is_local),
    plain("src_port", Kind.INTEGER, lambda facts: facts.source_port or None),
    _of_server("srv_conn", Kind.INTEGER, lambda server: server.current),
    _of_server("srv_conn_free", Kind.INTEGER, _server_room),
    _of_server("srv_is_up", Kind.BOOLEAN, lambda server: server.running),
    _of_server("srv_uweight", Kind.INTEGER, lambda server: server.weight),
    _of_server("srv_weight", Kind.INTEGER, lambda server: server.weight if server.running else 0),
    # A connection with an error, a certificate that fails among them, never gets as far as to be asked about.
    plain("fc_err", Kind.INTEGER, lambda facts: 0),
    _of_tls("ssl_c_ca_err", Kind.INTEGER, lambda tls: 0),
    _of_tls("ssl_c_err", Kind.INTEGER, lambda tls: 0),
    _of_tls("ssl_fc_err", Kind.INTEGER, lambda tls: 0),
    _of_tls("ssl_c_used", Kind.BOOLEAN, lambda tls: tls.getpeercert(True) is not None, without=False),
    _of_tls("ssl_c_verify", Kind.INTEGER, lambda tls: 0),  # with a certificate that fails there is no connection
    plain("ssl_fc", Kind.BOOLEAN, lambda facts: facts.tls is not None),
    _of_tls("ssl_fc_alpn", Kind.STRING, lambda tls: tls.selected_alpn_protocol()),
    _of_tls("ssl_fc_cipher", Kind.STRING, lambda tls: (tls.cipher() or ("",))[0] or None),
    _of_tls("ssl_fc_has_crt", Kind.BOOLEAN, _has_shown_certificate, without=False),
    _of_tls("ssl_fc_has_sni", Kind.BOOLEAN, lambda tls: tls.sni is not None, without=False),
    _of_tls("ssl_fc_is_resumed", Kind.BOOLEAN, lambda tls: bool(tls.session_reused), without=False),
    _of_tls("ssl_fc_protocol", Kind.STRING, lambda tls: tls.version()),
    _of_tls("ssl_fc_sni", Kind.STRING, lambda tls: tls.sni),
    _constant("str", Kind.STRING, arguments.text),
    *TARGET_FETCHES,
    *HEADER_FETCHES,
    *COOKIE_FETCHES,
    *HTTP_FETCHES,
    *COUNTER_FETCHES,
    *CONTENT_FETCHES,
)

_ALIASES = {
    **CONTENT_ALIASES,
    "req_ver": "req.ver",
    "resp_ver": "res.ver",
    "cook": "req.cook",
    "cook_cnt": "req.cook_cnt",
    "cook_val": "req.cook_val",
    "scook": "res.cook",
    "scook_cnt": "res.cook_cnt",
    "scook_val": "res.cook_val",
    "hdr_cnt": "req.hdr_cnt",
    "hdr_ip": "req.hdr_ip",
    "hdr_val": "req.hdr_val",
    "shdr": "res.hdr",
    "shdr_cnt": "res.hdr_cnt",
    "shdr_ip": "res.hdr_ip",
    "shdr_val": "res.hdr_val",
}

FETCHES: dict[str, Fetch] = {row.name: row for row in (*_ROWS, *NUMBERED_FETCHES)}
FETCHES.update({alias: FETCHES[name] for alias, name in _ALIASES.items()})

_METHODS = ("beg", "dir", "dom", "end", "len", "reg", "sub")


def _derivatives() -> dict[str, tuple[str, str]]:
    """Return the names that conditions have for a fetch with a matching method: those of `haproxy -dKacl`."""
    bases = {"hdr": "req.hdr", "cook": "req.cook", "shdr": "res.hdr", "scook": "res.cook"}
    bases.update({name: name for name in ("base", "path", "url", "urlp")})
    found = {f"{name}_{method}": (of, method) for name, of in bases.items() for method in _METHODS}
    versions = dict.fromkeys(("req.ssl_ver", "req_ssl_ver"), ("req.ssl_ver", "version"))
    return {**found, **{name: (of, "str") for name, of in bases.items()}, **versions}


DERIVATIVES = _derivatives()

# How the names of HAProxy's other fetches begin, so that the error can say more than "unknown".
HAPROXY_ONLY = (
    "accept_date", "bc_", "be_", "bin", "capture", "cpu_", "cur_", "distcc_", "dst_conn", "fc_", "fcgi", "fe_", "http",
    "internal.", "last_rule_", "lat_", "meth", "mqtt", "nbproc", "prio_", "proc", "quic", "rdp_cookie",
    "rep_", "req", "res", "sc_", "sc0", "sc1", "sc2", "set-cookie", "so_name", "src_", "srv_", "ssl_", "stopping",
    "table_", "thread", "txn.", "uuid",
)  # fmt: skip


def make(row: Fetch, values: list[Any]) -> Fetcher:
    """Return the function of `row` for arguments that have been read; the stages of the row say for which facts."""
    return row.make(*values)
