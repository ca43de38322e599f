"""Makes rules of the lines that hold conditions, once all proxies are known: pure, pattern files come from `read`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace

from wproxy.config.acl import arguments
from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.facts import Condition, Kind, Stage
from wproxy.config.acl.sample import parse_sample
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.users import UserList
from wproxy.config.drafts import ProxyDraft, RuleLine, ServerDraft
from wproxy.config.formats import Variable, parse_format
from wproxy.config.grammar import Report
from wproxy.config.http.cookie import PersistRule
from wproxy.config.http.format import VARIABLES, compile_format
from wproxy.config.http.hashing import HashedPart
from wproxy.config.http.rules import HTTP_RULES
from wproxy.config.log_formats import CLF, HTTPLOG, HTTPSLOG, TCPLOG, parse_log_format
from wproxy.config.model import Mode, StickRule, UseBackend, UseServer
from wproxy.config.tcp_rules import TCP_RULES
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lines may refer to besides proxies: the environment, files, users, sections of error pages."""

    environ: Mapping[str, str]
    read: Callable[[str], str]
    userlists: Mapping[str, UserList] = field(default_factory=dict)
    http_errors: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def compile_rules(proxies: Sequence[ProxyDraft], around: Surroundings, report: Report) -> None:
    """Fill what each proxy that is served makes of its lines with conditions; report every fault."""
    backends = {
        proxy.name: frozenset(server.name for server in proxy.servers) for proxy in proxies if proxy.has_backend
    }
    frontends = frozenset(proxy.name for proxy in proxies if proxy.has_frontend)
    tables = frozenset(proxy.name for proxy in proxies if proxy.table is not None and not proxy.disabled)
    for proxy in proxies:
        if not proxy.disabled:  # as in HAProxy nothing is checked of a disabled proxy
            scope = Scope(
                proxy.name,
                proxy.has_frontend,
                proxy.has_backend,
                backends,
                frontends,
                tables,
                around.environ,
                around.read,
                speaks_http=proxy.mode is Mode.HTTP,
                userlists=around.userlists,
                http_errors=around.http_errors,
            )
            _compile(proxy, scope, report)
            _log_format(proxy, scope, report)
            _hashed(proxy, scope, report)
            compile_sni(proxy.servers, scope, report, shared=proxy.mode is Mode.REDIS)


def _compile(proxy: ProxyDraft, scope: Scope, report: Report) -> None:
    """Read the lines of `proxy` in order: an ACL can be used in the lines after it."""
    acls = Acls(scope)
    last = ""
    for line in proxy.rules:
        if line.keyword in HTTP_RULES and not scope.speaks_http:
            report.ignore(line.location, line.keyword, "acts in mode http only")
            continue
        last = _check_order(line, last, report)
        stage = _stage(line.keyword, scope)
        acls.scope = replace(
            scope,
            stage=stage,
            warn=lambda text, line=line: report.warn(line.location, f"'{line.keyword}' {text}"),  # type: ignore[misc] # the line of this turn, not the last
        )
        try:
            if line.keyword in HTTP_RULES:
                HTTP_RULES[line.keyword](proxy.http, line, acls)
            else:
                _KEYWORDS[line.keyword](proxy, line, acls)
        except ArgumentError as error:
            words = f"{line.keyword} {line.target}".rstrip()
            report.problem(line.location, f"'{words}' {error}")


def _stage(keyword: str, scope: Scope) -> Stage:
    """Return what there is of a client, or of an exchange, when a line acts."""
    if keyword in _EARLY:
        return Stage.CONNECTION
    return _STAGES.get(keyword, Stage.REQUEST) if scope.speaks_http else Stage.CONTENT


def _hashed(proxy: ProxyDraft, scope: Scope, report: Report) -> None:
    """Read what `balance hash` calls."""
    line = proxy.hashed_line
    if line is None or not proxy.has_backend:
        return
    try:
        sample = parse_sample(line.target, replace(scope, stage=Stage.REQUEST))
        sample.demand(Stage.REQUEST)
        proxy.hashed = HashedPart(fetch=sample.fetch)
    except ArgumentError as error:
        report.problem(line.location, f"'balance hash {line.target}' {error}")


def compile_sni(servers: Sequence[ServerDraft], scope: Scope, report: Report, *, shared: bool = False) -> None:
    """Read the expression of each server's `sni`: a constant where there is no one client, its connections `shared`."""
    for server in servers:
        word = server.tls.sni
        if word is None:
            continue
        try:
            fetch = parse_sample(word, scope).fetch
        except ArgumentError as error:
            report.problem(server.location, f"'server {server.name}' : 'sni' {error}")
            continue
        constant = _CONSTANT.fullmatch(word)
        if constant is not None:
            server.tls = replace(server.tls, sni_text=constant[1].strip())
        elif shared:
            report.problem(server.location, f"'server {server.name}' : 'sni' has to be str(<name>) here, not '{word}'")
        else:
            server.tls = replace(server.tls, sni_fetch=fetch)


_CONSTANT = re.compile(r"str\(([^()]*)\)")


def _log_format(proxy: ProxyDraft, scope: Scope, report: Report) -> None:
    """Read the format of log lines, the proxy's own or one that has a name."""
    scope = replace(scope, stage=Stage.LOG)
    line = proxy.log_format
    if line is not None:
        try:
            proxy.log_pieces = parse_log_format(line.target, scope)
        except ArgumentError as error:
            report.problem(line.location, f"'{line.keyword}' {error}")
    elif proxy.httplog and scope.speaks_http:
        proxy.log_pieces = parse_log_format(HTTPSLOG if proxy.httpslog else CLF if proxy.clf else HTTPLOG, scope)
    elif proxy.tcplog or proxy.httplog:
        proxy.log_pieces = parse_log_format(TCPLOG, scope)


def _check_order(line: RuleLine, last: str, report: Report) -> str:
    """Warn of a line that acts before lines in front of it; return the keyword of those that act last so far."""
    if line.keyword not in _ORDER:
        return last
    if last and _ORDER.index(line.keyword) < _ORDER.index(last):
        report.warn(
            line.location,
            f"a '{line.keyword}' rule placed after a '{last}' rule will still be processed before.",
        )
        return last
    return line.keyword


def _acl(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    acls.define(line.target, line.words)


def _use_backend(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    compute = _computed(line, acls, "backend")
    proxy.switching.append(UseBackend(line.target, _condition(line, acls), line.location, compute))


def _use_server(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    compute = _computed(line, acls, "server")
    proxy.server_rules.append(UseServer(line.target, parse_condition(line.words, acls), line.location, compute))


def _computed(line: RuleLine, acls: Acls, whose: str) -> Callable[..., str] | None:
    """Return what computes the name that a rule leads to, None where it is a name."""
    if "%" not in line.target:
        return None
    if not acls.scope.speaks_http and any(
        isinstance(piece, Variable) for piece in parse_format(line.target, VARIABLES, acls.scope)
    ):
        raise ArgumentError(f"computes a {whose}'s name of expressions only but in 'mode http', as in %[src]")
    return compile_format(line.target, acls.scope)


def _stick(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    sample = parse_sample(line.target, acls.scope)
    sample.demand(acls.scope.stage)
    if sample.kind is Kind.BOOLEAN:
        raise ArgumentError(f"cannot tell clients apart by '{sample.name}', which is a boolean")
    words = line.words
    table = proxy.name
    if words[:1] == ("table",):
        if len(words) < 2:
            raise ArgumentError("expects a table's name after 'table'")
        table, words = words[1], words[2:]
    arguments.table(table, acls.scope)
    condition = parse_condition(words, acls) if words else None
    matches, stores, of_response = _STICK[line.keyword]
    proxy.stick_rules.append(StickRule(table, sample.fetch, condition, matches, stores, line.location, of_response))


def _persist_rule(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.persist_rules.append(PersistRule(line.keyword == "force-persist", parse_condition(line.words, acls)))


def _page_admin(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.page_admins.append(parse_condition(line.words, acls))


def _condition(line: RuleLine, acls: Acls) -> Condition | None:
    return parse_condition(line.words, acls) if line.words else None


# Whether a line looks up, whether it stores, whether it is about responses.
_STICK = {
    "stick on": (True, True, False),
    "stick match": (True, False, False),
    "stick store-request": (False, True, False),
    "stick store-response": (False, True, True),
}

_EARLY = ("tcp-request connection", "tcp-request session")

# When a line is looked at, in mode http; the others when there is a request.
_STAGES = {
    "http-response": Stage.RESPONSE,
    "http-after-response": Stage.RESPONSE,
    "stick store-response": Stage.RESPONSE,
}

# The order in which lines act, whatever the order in the file.
_ORDER = (*_EARLY, "tcp-request content", "monitor fail", "http-request", "redirect", "use_backend")

_KEYWORDS: Mapping[str, Callable[[ProxyDraft, RuleLine, Acls], None]] = {
    "acl": _acl,
    "use_backend": _use_backend,
    "use-server": _use_server,
    **TCP_RULES,
    "stick on": _stick,
    "stick match": _stick,
    "stick store-request": _stick,
    "stick store-response": _stick,
    "stats admin": _page_admin,
    "force-persist": _persist_rule,
    "ignore-persist": _persist_rule,
}
