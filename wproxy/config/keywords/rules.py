"""The keywords whose lines hold conditions (configuration manual, sections 4.2 and 7.2); `config.rules` reads these."""

from __future__ import annotations

import re

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft, RuleLine
from wproxy.config.grammar import Report, Section, Sets, Statement, done
from wproxy.config.nearest import did_you_mean
from wproxy.config.tracking import TRACKING
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BINDS = (Section.FRONTEND, Section.LISTEN)
_SERVERS = (Section.LISTEN, Section.BACKEND)

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_ACTIONS = {
    "tcp-request connection": ("accept", "reject", *TRACKING),
    "tcp-request session": ("accept", "reject", *TRACKING, "set-var", "unset-var"),
    "tcp-request content": (
        *("accept", "reject", *TRACKING, "capture", "set-log-level", "set-var", "set-var-fmt", "unset-var"),
    ),
}
_HAPROXY_ACTIONS = (
    "capture",
    "do-resolve",
    "expect-netscaler-cip",
    "expect-proxy",
    "lua.",
    "ot-group",
    "sc-",
    "send-spoe-group",
    "set-",
    "silent-drop",
    "switch-mode",
    "unset-",
    "use-service",
)


def note(proxy: ProxyDraft, statement: Statement, *, anywhere: bool = False) -> None:
    """Keep the line until all proxies are known; `anywhere` lets it stand in a `defaults` section without a name."""
    if proxy.section is Section.DEFAULTS and not proxy.name and not anywhere:
        raise ArgumentError("cannot stand in a 'defaults' section without a name")
    target, *words = statement.arguments
    proxy.rules.append(RuleLine(statement.keyword, target, tuple(words), statement.location))


def _acl(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if len(statement.arguments) < 2:
        raise ArgumentError("expects a name, a fetch such as src, dst_port or nbsrv(backend), and patterns")
    name = statement.arguments[0]
    if not _NAME.fullmatch(name):
        raise ArgumentError(f"has a name with a character other than letters, digits and '-_.:': '{name}'")
    note(proxy, statement)


def _use_backend(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if not statement.arguments:
        raise ArgumentError("expects a backend's name")
    note(proxy, statement)


def _use_server(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    if statement.arguments[1:2] not in (("if",), ("unless",)):
        raise ArgumentError("expects a server's name, then 'if' or 'unless' and a condition")
    note(proxy, statement)


def _tcp_request(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    action = statement.arguments[0] if statement.arguments else ""
    known = _ACTIONS[statement.keyword]
    if action.partition("(")[0] not in known:
        if action.startswith(_HAPROXY_ACTIONS):
            raise ArgumentError(f"{action} is not supported by wproxy; it knows {', '.join(known)}")
        raise ArgumentError(f"expects 'accept', 'reject' or a 'track-sc', not '{action}'{did_you_mean(action, known)}")
    note(proxy, statement)


RULES = (
    done("acl", _ANYWHERE, _acl, "names a test of what is known of a connection: fetch, flags, patterns", "4.2"),
    done("use_backend", _BINDS, _use_backend, "the backend of clients for which a condition holds", "4.2"),
    done("use-server", _SERVERS, _use_server, "the server of clients for which a condition holds", "4.2"),
    done(
        "tcp-request connection",
        _FRONT,
        _tcp_request,
        "accept, reject or track clients, before a PROXY header is read",
        "4.2",
    ),
    done(
        "tcp-request session",
        _FRONT,
        _tcp_request,
        "accept, reject or track clients, set variables, after PROXY header and TLS handshake",
        "4.2",
    ),
    done(
        "tcp-request content",
        _ANYWHERE,
        _tcp_request,
        "accept, reject or track clients, set variables, capture, by the first bytes they send; in mode http by the "
        "head of each request",
        "4.2",
    ),
    done(
        "tcp-request inspect-delay",
        _ANYWHERE,
        Sets("inspect_delay_s", values.TIMEOUT),
        "how long `tcp-request content` rules wait for data; in mode http they need not wait",
        "4.2",
    ),
)
