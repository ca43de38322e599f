"""Checks what no single line can show: names that must be unique or must exist, modes that must fit, missing parts.

Everything is reported in one pass. As in HAProxy, a disabled proxy is checked for its name only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report
from wproxy.config.keywords.balance import ALGORITHMS, REQUEST_HASHES
from wproxy.config.model import Location, Mode
from wproxy.config.nearest import did_you_mean
from wproxy.config.validate_persistence import persistence_rules, server_rules
from wproxy.config.validate_redis import redis_rules


def validate(proxies: Sequence[ProxyDraft], report: Report) -> None:
    """Report every fault and every likely mistake of `proxies` taken together."""
    backends = {proxy.name: proxy for proxy in proxies if proxy.has_backend}
    for number, proxy in enumerate(proxies):
        _unique_name(proxy, proxies[:number], report)
        if not proxy.disabled:
            _page(proxy, report)
            _unserved(proxy, report)
            _balance(proxy, report)
            _unique_servers(proxy, report)
            _send_proxy(proxy, report)
            _stick(proxy, report)
            _inspection(proxy, report)
            redis_rules(proxy, report)
            persistence_rules(proxy, report)
            server_rules(proxy, report)
            _agents(proxy, report)
            _bound(proxy, report)
            _default_backend(proxy, backends, report)
            _use_backends(proxy, backends, report)
            _timeouts(proxy, report)
            _log_format(proxy, report)


def _label(proxy: ProxyDraft) -> str:
    return f"{proxy.section.value} '{proxy.name}'"


def _place(proxy: ProxyDraft, set_at: Location | None) -> Location:
    """Return `set_at` when that line is part of the proxy, else (inherited from defaults) where the proxy begins."""
    here = proxy.location
    inside = set_at is not None and set_at.file == here.file and set_at.line > here.line
    return set_at if set_at is not None and inside else here


def _unique_name(proxy: ProxyDraft, earlier: Sequence[ProxyDraft], report: Report) -> None:
    for other in earlier:
        clash = (proxy.has_frontend and other.has_frontend) or (proxy.has_backend and other.has_backend)
        if other.name == proxy.name and clash:
            where = f"{other.location.file}:{other.location.line}"
            report.problem(proxy.location, f"{_label(proxy)} has the same name as {_label(other)} declared at {where}.")
            return


def _page(proxy: ProxyDraft, report: Report) -> None:
    """Report rules that would have to guard a statistics page, and a page where mode http is missing."""
    if proxy.page is not None and proxy.mode is Mode.HTTP:
        for line in proxy.guards:
            report.problem(
                line.location,
                f"{_label(proxy)} : '{line.keyword}' is not supported yet: protect the statistics page by "
                "'stats auth' or by 'http-request deny'",
            )
    elif proxy.page is not None and proxy.mode is not Mode.HTTP and proxy.page.owner == proxy.location:
        report.warn(proxy.page.location, f"{_label(proxy)} : 'stats' lines ignored, they need 'mode http'.")


def _unserved(proxy: ProxyDraft, report: Report) -> None:
    """Report lines that would change what mode http does; each once, also where many proxies inherit it."""
    if proxy.mode is not Mode.HTTP:
        return
    for line in (*proxy.unserved, *(line for server in proxy.servers for line in server.unserved)):
        text = f"HAProxy's keyword '{line.keyword}' is not supported by wproxy in mode http"
        if not any(problem.line == line.location.line and problem.message == text for problem in report.problems):
            report.problem(line.location, text)


def _balance(proxy: ProxyDraft, report: Report) -> None:
    if proxy.has_backend and proxy.mode is Mode.TCP and proxy.balance in REQUEST_HASHES:
        place = _place(proxy, proxy.balance_location)
        report.warn(
            place, f"Layer 7 hash not possible for {_label(proxy)} (needs 'mode http'). Falling back to round robin."
        )
        proxy.balance = "roundrobin"
    modes = ALGORITHMS[proxy.balance]
    if proxy.has_backend and proxy.mode not in modes:
        place = _place(proxy, proxy.balance_location)
        fitting = " and ".join(f"'mode {mode.value}'" for mode in modes)
        report.problem(
            place,
            f"{_label(proxy)} : 'balance {proxy.balance}' is for {fitting} only, not for 'mode {proxy.mode.value}'",
        )
    elif proxy.has_backend and proxy.balance == "key":
        _sharded(proxy, report)


def _sharded(proxy: ProxyDraft, report: Report) -> None:
    """Report what would move keys with every outage, under `balance key`."""
    for server in proxy.servers:
        for word, present in (("backup", server.backup), ("slowstart", server.slowstart_s)):
            if present:
                report.problem(
                    server.location,
                    f"{_label(proxy)} : 'server {server.name}' cannot have '{word}' with 'balance key': keys do not "
                    "move when a server fails or returns",
                )


def _unique_servers(proxy: ProxyDraft, report: Report) -> None:
    lines: dict[str, int] = {}
    for server in proxy.servers:
        if server.name in lines:
            report.problem(
                server.location,
                f"{_label(proxy)}, another server named '{server.name}' was already defined at line "
                f"{lines[server.name]}, please use distinct names.",
            )
        lines.setdefault(server.name, server.location.line)


def _send_proxy(proxy: ProxyDraft, report: Report) -> None:
    """In mode redis clients share the connections to a server: there is no one client to tell it of."""
    for server in proxy.servers:
        if server.send_proxy is not None and proxy.mode is Mode.REDIS:
            report.problem(
                server.location, f"{_label(proxy)}, server '{server.name}' : 'send-proxy' is not for 'mode redis'"
            )


def _stick(proxy: ProxyDraft, report: Report) -> None:
    for rule in proxy.stick_rules:
        if proxy.mode is Mode.REDIS:
            mode = proxy.mode.value
            report.problem(rule.location, f"{_label(proxy)} : 'stick' is not for 'mode {mode}'")
        elif proxy.mode is Mode.TCP and rule.of_response:
            report.problem(
                rule.location, f"{_label(proxy)} : 'stick store-response' needs 'mode http': it looks at responses"
            )


def _inspection(proxy: ProxyDraft, report: Report) -> None:
    """Warn of rules that track or capture what clients send and do not wait for it."""
    for rule in proxy.content_rules if not proxy.inspect_delay_s else ():
        if rule.ready is not None:
            report.warn(
                rule.location,
                f"{_label(proxy)} : a 'tcp-request content' rule finds only what has come by chance: add "
                "'tcp-request inspect-delay 5s'",
            )


def _agents(proxy: ProxyDraft, report: Report) -> None:
    for server in proxy.servers:
        if server.agent_check and server.agent_port is None:
            report.problem(
                server.location, f"'server {server.name}' : 'agent-check' needs to know where: add 'agent-port <port>'"
            )


def _bound(proxy: ProxyDraft, report: Report) -> None:
    if proxy.has_frontend and not proxy.binds:
        report.warn(
            proxy.location,
            f"{_label(proxy)} has no 'bind' directive. Please declare it as a backend if this was intended.",
        )


def _default_backend(proxy: ProxyDraft, backends: Mapping[str, ProxyDraft], report: Report) -> None:
    name = proxy.default_backend
    if not proxy.has_frontend or name is None:
        return
    place = _place(proxy, proxy.default_backend_location)
    if backends.get(name) is proxy:
        report.problem(place, f"{_label(proxy)} : loop detected for default_backend: '{name}'.")
    else:
        _target(proxy, "default_backend", name, backends, place, report)


def _use_backends(proxy: ProxyDraft, backends: Mapping[str, ProxyDraft], report: Report) -> None:
    for rule in proxy.switching:
        if rule.compute is not None:
            continue
        _target(proxy, "use_backend", rule.backend, backends, rule.location, report)


def _target(
    proxy: ProxyDraft, keyword: str, name: str, backends: Mapping[str, ProxyDraft], place: Location, report: Report
) -> None:
    """Report a backend that `keyword` names and `proxy` cannot use: it is not there, or of another mode."""
    target = backends.get(name)
    if target is None:
        hint = did_you_mean(name, backends)
        report.problem(place, f"{_label(proxy)} : unable to find required {keyword}: '{name}'{hint}")
    elif target.mode is not proxy.mode:
        what = "its default backend" if keyword == "default_backend" else f"the backend of a '{keyword}' rule"
        report.problem(
            place,
            f"{proxy.mode.value} {_label(proxy)} tries to use incompatible {target.mode.value} {_label(target)} "
            f"({target.location.file}:{target.location.line}) as {what} (see 'mode').",
        )


def _timeouts(proxy: ProxyDraft, report: Report) -> None:
    missing = []
    if proxy.has_frontend and proxy.client_s is None:
        missing.append("client")
    if proxy.servers and proxy.connect_s is None:
        missing.append("connect")
    if proxy.servers and proxy.server_s is None and proxy.tunnel_s is None:
        missing.append("server")
    if missing:
        names = ", ".join(f"'timeout {name}'" for name in missing)
        report.warn(proxy.location, f"{_label(proxy)} has no {names}: connections that hang stay for ever.")


def _log_format(proxy: ProxyDraft, report: Report) -> None:
    if not proxy.has_frontend or proxy.log_format_location is None:
        return
    place = _place(proxy, proxy.log_format_location)
    if proxy.httplog and proxy.mode is not Mode.HTTP:
        report.warn(
            place,
            f"'option httplog' not usable with {_label(proxy)} (needs 'mode http'). Falling back to 'option tcplog'.",
        )
    if not proxy.log_targets:
        report.warn(place, f"log format ignored for {_label(proxy)} since it has no log address.")
