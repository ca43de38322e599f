"""Checks what no single line can show: names that must be unique or must exist, modes that must fit, missing parts.

Everything is reported in one pass. As in HAProxy, a disabled proxy is checked for its name only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report
from wproxy.config.keywords.proxy import MODES_REFUSED
from wproxy.config.model import Location, Mode
from wproxy.config.nearest import did_you_mean


def validate(proxies: Sequence[ProxyDraft], report: Report) -> None:
    """Report every fault and every likely mistake of `proxies` taken together."""
    backends = {proxy.name: proxy for proxy in proxies if proxy.has_backend}
    for number, proxy in enumerate(proxies):
        _unique_name(proxy, proxies[:number], report)
        if not proxy.disabled:
            _mode(proxy, report)
            _balance(proxy, report)
            _unique_servers(proxy, report)
            _agents(proxy, report)
            _bound(proxy, report)
            _default_backend(proxy, backends, report)
            _timeouts(proxy, report)


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


def _mode(proxy: ProxyDraft, report: Report) -> None:
    reason = MODES_REFUSED.get(proxy.mode)
    if reason is not None:
        report.problem(_place(proxy, proxy.mode_location), f"{_label(proxy)} : {reason}")


def _balance(proxy: ProxyDraft, report: Report) -> None:
    if proxy.has_backend and proxy.balance == "key" and proxy.mode is not Mode.REDIS:
        place = _place(proxy, proxy.balance_location)
        report.problem(
            place, f"{_label(proxy)} : 'balance key' is for 'mode redis' only, not for 'mode {proxy.mode.value}'"
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
    target = backends.get(name)
    if target is None:
        hint = did_you_mean(name, backends)
        report.problem(place, f"{_label(proxy)} : unable to find required default_backend: '{name}'{hint}")
    elif target is proxy:
        report.problem(place, f"{_label(proxy)} : loop detected for default_backend: '{name}'.")
    elif target.mode is not proxy.mode:
        report.problem(
            place,
            f"{proxy.mode.value} {_label(proxy)} tries to use incompatible {target.mode.value} {_label(target)} "
            f"({target.location.file}:{target.location.line}) as its default backend (see 'mode').",
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
