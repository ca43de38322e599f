"""The parameters of `bind` and `stats socket` lines (configuration manual, sections 5.1 and 3.1), and both keywords."""

from __future__ import annotations

from dataclasses import replace

from wproxy.config import values
from wproxy.config.address import listening
from wproxy.config.drafts import BindDraft, GlobalDraft, ProxyDraft
from wproxy.config.grammar import Grammar, Report, Section, Sets, SetsTo, Statement, done, ignored, refused
from wproxy.config.keywords.tls import BIND_TLS
from wproxy.config.model import StatsSocket
from wproxy.config.parameters import apply_parameters
from wproxy.config.values import ArgumentError

_BIND = (Section.BIND,)
_STATS = (Section.STATS_SOCKET,)
_BOTH = (Section.BIND, Section.STATS_SOCKET)

_TUNING = "tunes HAProxy's sockets or threads"

PARAMETERS: Grammar[BindDraft] = Grammar(
    (
        done("level", _STATS, Sets("level", values.LEVEL), "what clients of the socket may do", "5.1"),
        done("mode", _STATS, Sets("mode", values.PERMISSIONS), "permissions of a unix socket", "5.1"),
        done("user", _STATS, Sets("user", values.TEXT), "owner of a unix socket", "5.1"),
        done("group", _STATS, Sets("group", values.TEXT), "group of a unix socket", "5.1"),
        done("accept-proxy", _BIND, SetsTo("accept_proxy", True), "clients begin with a PROXY header, v1 or v2", "5.1"),
        *ignored("level +1", _BIND, "acts on stats sockets only", "5.1"),
        done("name", _BIND, Sets("name", values.TEXT), "what logs call the address when they name it", "5.1"),
        done("id", _BIND, Sets("number", values.POSITIVE), "its number for `so_id` and the log", "5.1"),
        *ignored("id +1", _STATS, "numbers the socket in statistics that wproxy does not keep per socket", "5.1"),
        *ignored("name +1", _STATS, "names the socket in statistics that wproxy does not keep per socket", "5.1"),
        *ignored("backlog +1, nice +1, process +1, thread +1, shards +1, tfo, defer-accept", _BOTH, _TUNING, "5.1"),
        *ignored("expose-fd +1", _BOTH, "the sockets pass to a new process without it", "5.1"),
        *BIND_TLS,
        *refused("mode +1, user +1, group +1", _BIND, "", "5.1"),
        *refused("uid +1, gid +1", _BOTH, "write `user` and `group` by name on a stats socket", "5.1"),
        *refused("accept-proxy", _STATS, "", "5.1"),
        *refused("transparent, v4v6, v6only", _BOTH, "", "5.1"),
        *refused("accept-netscaler-cip +1, interface +1, maxconn +1, mss +1", _BOTH, "", "5.1"),
        *refused("namespace +1, proto +1, severity-output +1, tcp-ut +1", _BOTH, "", "5.1"),
        *refused("quic-cc-algo +1, quic-force-retry", _BOTH, "wproxy has no QUIC", "5.1"),
    )
)


def bind(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note one `bind` line of `proxy`."""
    draft = _listener(replace(statement, section=Section.BIND), report)
    if draft.number is not None:
        if len(draft.addresses) > 1:
            raise ArgumentError("can give an 'id' to one address only: write a line for each")
        for other in proxy.binds:
            if other.number == draft.number:
                raise ArgumentError(f"cannot have id {draft.number}, which line {other.location.line} has already")
    proxy.binds.append(draft)


def stats_socket(process: GlobalDraft, statement: Statement, report: Report) -> None:
    """Note one `stats socket` line."""
    draft = _listener(replace(statement, section=Section.STATS_SOCKET), report)
    process.stats_sockets.extend(
        StatsSocket(address, draft.location, draft.level, draft.mode, draft.user, draft.group)
        for address in draft.addresses
    )


def _listener(statement: Statement, report: Report) -> BindDraft:
    if not statement.arguments:
        raise ArgumentError("expects a path or address:port, several after commas")
    address, *parameters = statement.arguments
    draft = BindDraft(statement.location)
    apply_parameters(PARAMETERS, draft, statement, tuple(parameters), report)
    draft.addresses = listening(address)
    return draft
