"""The keywords whose lines hold conditions (configuration manual, sections 4.2 and 7.2); `config.rules` reads these."""

from __future__ import annotations

import re

from wproxy.config.drafts import ProxyDraft, RuleLine
from wproxy.config.grammar import Report, Section, Statement, done
from wproxy.config.nearest import did_you_mean
from wproxy.config.tracking import TRACKING
from wproxy.config.values import ArgumentError

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BINDS = (Section.FRONTEND, Section.LISTEN)
_SERVERS = (Section.LISTEN, Section.BACKEND)

_NAME = re.compile(r"[A-Za-z0-9_.:-]+")
_ACTIONS = ("accept", "reject", *TRACKING)
_HAPROXY_ACTIONS = (
    "capture",
    "expect-netscaler-cip",
    "expect-proxy",
    "sc-",
    "set-",
    "silent-drop",
    "unset-",
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


def _tcp_request_connection(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    action = statement.arguments[0] if statement.arguments else ""
    if action.partition("(")[0] not in _ACTIONS:
        if action.startswith(_HAPROXY_ACTIONS):
            raise ArgumentError(f"{action} is not supported by wproxy; it knows {', '.join(_ACTIONS)}")
        raise ArgumentError(
            f"expects 'accept', 'reject' or a 'track-sc', not '{action}'{did_you_mean(action, _ACTIONS)}"
        )
    note(proxy, statement)


RULES = (
    done("acl", _ANYWHERE, _acl, "names a test of what is known of a connection: fetch, flags, patterns", "4.2"),
    done("use_backend", _BINDS, _use_backend, "the backend of clients for which a condition holds", "4.2"),
    done("use-server", _SERVERS, _use_server, "the server of clients for which a condition holds", "4.2"),
    done(
        "tcp-request connection",
        _FRONT,
        _tcp_request_connection,
        "accept, reject or track clients, before a PROXY header is read",
        "4.2",
    ),
)
