"""The keywords of the `defaults`, `frontend`, `listen` and `backend` sections, but for options (manual, chapter 4)."""

from __future__ import annotations

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Grammar, Report, Section, Sets, SetsTo, Statement, done, ignored, refused, single
from wproxy.config.keywords.balance import balance, hash_type
from wproxy.config.keywords.bind import bind
from wproxy.config.keywords.checks import CHECK_RULES
from wproxy.config.keywords.compression import COMPRESSION
from wproxy.config.keywords.http import HTTP
from wproxy.config.keywords.keepalive import KEEPALIVE
from wproxy.config.keywords.login import LOGIN
from wproxy.config.keywords.logs import PROXY_LOGS
from wproxy.config.keywords.options import OPTIONS
from wproxy.config.keywords.page import PAGE
from wproxy.config.keywords.persistence import PERSISTENCE
from wproxy.config.keywords.retired import RETIRED
from wproxy.config.keywords.rules import RULES
from wproxy.config.keywords.server import backend_source, default_server, server, server_template
from wproxy.config.keywords.slowlog import SLOWLOG
from wproxy.config.keywords.stick import STICK
from wproxy.config.keywords.unserved import UNSERVED
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_PROXIES = (Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)
_BINDS = (Section.FRONTEND, Section.LISTEN)
_SERVERS = (Section.LISTEN, Section.BACKEND)

_HTTP = "acts in mode http only"
_LOG = "wproxy writes `log-format` only"


def _mode(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    name = single(statement, values.MODE.expects)
    if name == "health":
        raise ArgumentError("health is not supported by HAProxy since 2.1 nor by wproxy")
    proxy.mode = values.mode(name)
    proxy.mode_location = statement.location


def _default_backend(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.default_backend = single(statement, "a backend's name")
    proxy.default_backend_location = statement.location


PROXY: Grammar[ProxyDraft] = Grammar(
    (
        done(
            "bind",
            _BINDS,
            bind,
            "where clients arrive: addresses, paths or fd@N, separated by commas",
            "4.2",
        ),
        done("mode", _ANYWHERE, _mode, "tcp, http or redis", "4.2"),
        done("default_backend", _FRONT, _default_backend, "the backend that serves the clients", "4.2"),
        done(
            "balance",
            _BACK,
            balance,
            "roundrobin, static-rr, leastconn, first, random(n), source; in mode http uri, url_param, hdr(name), hash; "
            "in mode redis roundrobin and key",
            "4.2",
        ),
        done(
            "hash-type",
            _BACK,
            hash_type,
            "map-based or consistent; sdbm, djb2, wt6 or crc32, which as in HAProxy does not matter to `source`; "
            "avalanche",
            "4.2",
        ),
        done("server", _SERVERS, server, "a server: name, address:port, parameters", "4.2", misplaced=True),
        done(
            "server-template",
            _SERVERS,
            server_template,
            "several servers alike: prefix, number or range, address:port, parameters; `resolvers` is refused",
            "4.2",
            misplaced=True,
        ),
        done("default-server", _BACK, default_server, "parameters of the servers that follow", "4.2", misplaced=True),
        done("maxconn", _FRONT, Sets("maxconn", values.LIMIT), "connections at a time; 0 is no limit", "4.2"),
        done(
            "rate-limit sessions",
            _FRONT,
            Sets("rate_limit", values.LIMIT),
            "new sessions a second; more wait in the kernel's queue",
            "4.2",
        ),
        done(
            "fullconn",
            _BACK,
            Sets("fullconn", values.LIMIT),
            "sessions from which on `minconn` is `maxconn`; default 10 % of what its frontends let in",
            "4.2",
        ),
        done("source", _BACK, backend_source, "the address that connections to servers come from: addr[:port]", "4.2"),
        done("retries", _BACK, Sets("retries", values.COUNT), "attempts after one that failed; default 3", "4.2"),
        done("disabled", _ANYWHERE, SetsTo("disabled", True), "do not start this proxy", "4.2"),
        done("enabled", _ANYWHERE, SetsTo("disabled", False), "start this proxy, against defaults", "4.2"),
        done("timeout client", _FRONT, Sets("client_s", values.TIMEOUT), "idle time of a client", "4.2"),
        done("timeout connect", _BACK, Sets("connect_s", values.TIMEOUT), "time to connect to a server", "4.2"),
        done("timeout server", _BACK, Sets("server_s", values.TIMEOUT), "idle time of a server", "4.2"),
        done("timeout queue", _BACK, Sets("queue_s", values.TIMEOUT), "time to wait for a free connection", "4.2"),
        done("timeout check", _BACK, Sets("check_s", values.TIMEOUT), "time a health check may take", "4.2"),
        done("timeout tunnel", _BACK, Sets("tunnel_s", values.TIMEOUT), "idle time of both, once data flows", "4.2"),
        done("timeout client-fin", _FRONT, Sets("client_fin_s", values.TIMEOUT), "the same, server gone", "4.2"),
        done("timeout server-fin", _BACK, Sets("server_fin_s", values.TIMEOUT), "the same, client gone", "4.2"),
        done(
            "redis-window",
            _BACK,
            Sets("redis_window_s", values.TIMEOUT),
            "balance key: the promise that no key lives longer; a change of weights is over then without a scan",
            "wproxy",
        ),
        *OPTIONS,
        *LOGIN,
        *SLOWLOG,
        *PROXY_LOGS,
        *RULES,
        *PAGE,
        *STICK,
        *PERSISTENCE,
        *COMPRESSION,
        *KEEPALIVE,
        *HTTP,
        *ignored("log-format-sd, error-log-format", _FRONT, _LOG, "4.2"),
        *UNSERVED,
        *ignored("max-session-srv-conns", _FRONT, "a client has at most one connection of its own to a server", "4.2"),
        *ignored("backlog", _FRONT, "tunes HAProxy's listen queue", "4.2"),
        *ignored("bind-process", _ANYWHERE, "HAProxy ignores it, too", "4.2"),
        *refused("dispatch", _SERVERS, "", "4.2"),
        *refused("hash-balance-factor", _BACK, "", "4.2"),
        *refused("filter, id", _PROXIES, "", "4.2"),
        *refused("tcp-response content, tcp-response inspect-delay", _BACK, "", "4.2"),
        *CHECK_RULES,
        *refused("email-alert", _ANYWHERE, "", "4.2"),
        *refused("load-server-state-from-file, server-state-file-name", _BACK, "", "4.2"),
        *refused("persist rdp-cookie, transparent", _BACK, "", "4.2"),
        *RETIRED,
    )
)
