"""Makes rules of the lines that hold conditions, once all proxies are known: pure, pattern files come from `read`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.expression import parse_fetch
from wproxy.config.acl.facts import Condition, Kind
from wproxy.config.acl.scope import Scope
from wproxy.config.drafts import ProxyDraft, RuleLine, ServerDraft
from wproxy.config.grammar import Report
from wproxy.config.model import ConnectionRule, Mode, StickRule, UseBackend
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError


def compile_rules(
    proxies: Sequence[ProxyDraft], environ: Mapping[str, str], read: Callable[[str], str], report: Report
) -> None:
    """Fill `switching`, `connection_rules` and `page_admins` of each proxy that is served; report every fault."""
    backends = {
        proxy.name: frozenset(server.name for server in proxy.servers) for proxy in proxies if proxy.has_backend
    }
    frontends = frozenset(proxy.name for proxy in proxies if proxy.has_frontend)
    tables = frozenset(proxy.name for proxy in proxies if proxy.table is not None and not proxy.disabled)
    for proxy in proxies:
        # As in HAProxy nothing is checked of a disabled proxy; of one in mode http the mode itself is the fault.
        if not proxy.disabled:
            scope = Scope(proxy.name, proxy.has_frontend, proxy.has_backend, backends, frontends, tables, environ, read)
            _compile(proxy, scope, report)
            compile_sni(proxy.servers, scope, report, shared=proxy.mode is Mode.REDIS)


def _compile(proxy: ProxyDraft, scope: Scope, report: Report) -> None:
    """Read the lines of `proxy` in order: an ACL can be used in the lines after it."""
    acls = Acls(scope)
    for line in proxy.rules:
        acls.scope = replace(scope, warn=lambda text, line=line: report.warn(line.location, f"'{line.keyword}' {text}"))  # type: ignore[misc] # the line of this turn, not the last
        try:
            _KEYWORDS[line.keyword](proxy, line, acls)
        except ArgumentError as error:
            words = f"{line.keyword} {line.target}".rstrip()
            report.problem(line.location, f"'{words}' {error}")


def compile_sni(servers: Sequence[ServerDraft], scope: Scope, report: Report, *, shared: bool = False) -> None:
    """Read the expression of each server's `sni`: a constant where there is no one client, its connections `shared`."""
    for server in servers:
        word = server.tls.sni
        if word is None:
            continue
        try:
            _, fetch = parse_fetch(word, scope)
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


def _acl(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    acls.define(line.target, line.words)


def _use_backend(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.switching.append(UseBackend(line.target, _condition(line, acls), line.location))


def _connection_rule(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.connection_rules.append(ConnectionRule(line.target == "accept", _condition(line, acls), line.location))


def _stick(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    row, fetch = parse_fetch(line.target, acls.scope)
    if row.kind is Kind.BOOLEAN:
        raise ArgumentError(f"cannot tell clients apart by '{row.name}', which is a boolean")
    words = line.words
    table = proxy.name
    if words[:1] == ("table",):
        if len(words) < 2:
            raise ArgumentError("expects a table's name after 'table'")
        table, words = words[1], words[2:]
    if table not in acls.scope.tables:
        hint = did_you_mean(table, acls.scope.tables) or f"; write 'stick-table type ip size 100k' in '{table}'"
        raise ArgumentError(f"uses the stick-table of '{table}', which has none{hint}")
    condition = parse_condition(words, acls) if words else None
    matches, stores = _STICK[line.keyword]
    proxy.stick_rules.append(StickRule(table, fetch, condition, matches, stores, line.location))


def _page_admin(proxy: ProxyDraft, line: RuleLine, acls: Acls) -> None:
    proxy.page_admins.append(parse_condition(line.words, acls))


def _condition(line: RuleLine, acls: Acls) -> Condition | None:
    return parse_condition(line.words, acls) if line.words else None


# Whether a line looks up, whether it stores.
_STICK = {"stick on": (True, True), "stick match": (True, False), "stick store-request": (False, True)}

_KEYWORDS: Mapping[str, Callable[[ProxyDraft, RuleLine, Acls], None]] = {
    "acl": _acl,
    "use_backend": _use_backend,
    "tcp-request connection": _connection_rule,
    "stick on": _stick,
    "stick match": _stick,
    "stick store-request": _stick,
    "stats admin": _page_admin,
}
