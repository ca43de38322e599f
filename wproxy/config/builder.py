"""Turns the drafts of a valid configuration into the frozen model."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.config.checks import AgentSettings
from wproxy.config.drafts import BindDraft, GlobalDraft, ProxyDraft, ServerDraft
from wproxy.config.grammar import Report
from wproxy.config.model import Backend, Bind, CheckSettings, Config, Frontend, Global, ServerLine, Timeouts

_FIRST_PROXY_ID = 2  # as HAProxy counts: 1 is its own GLOBAL proxy


def build(process: GlobalDraft, proxies: Sequence[ProxyDraft], report: Report) -> Config:
    """Return the configuration; `proxies` are numbered in order, as HAProxy numbers its `iid`."""
    numbered = list(enumerate(proxies, start=_FIRST_PROXY_ID))
    return Config(
        globals=_global(process),
        frontends=tuple(_frontend(proxy, number) for number, proxy in numbered if proxy.has_frontend),
        backends=tuple(_backend(proxy, number) for number, proxy in numbered if proxy.has_backend),
        ignored=tuple(report.ignored),
        warnings=tuple(report.warnings),
    )


def _global(process: GlobalDraft) -> Global:
    return Global(
        stats_sockets=tuple(process.stats_sockets),
        stats_timeout_s=process.stats_timeout_s,
        maxconn=process.maxconn,
        nbthread=process.nbthread,
        daemon=process.daemon,
        pidfile=process.pidfile,
        node=process.node,
        description=process.description,
        spread_checks=process.spread_checks,
        max_spread_checks_s=process.max_spread_checks_s,
    )


def _frontend(proxy: ProxyDraft, number: int) -> Frontend:
    return Frontend(
        name=proxy.name,
        proxy_id=number,
        mode=proxy.mode,
        location=proxy.location,
        binds=tuple(bind for draft in proxy.binds for bind in _binds(draft)),
        default_backend=_served_by(proxy),
        maxconn=proxy.maxconn,
        disabled=proxy.disabled,
        timeouts=Timeouts(client_s=proxy.client_s),
    )


def _served_by(proxy: ProxyDraft) -> str | None:
    """Return the backend of a frontend: a listen section without one serves itself, a disabled one nobody."""
    if proxy.disabled:
        return None
    return proxy.default_backend or (proxy.name if proxy.has_backend else None)


def _binds(draft: BindDraft) -> list[Bind]:
    return [Bind(address, draft.location) for address in draft.addresses]


def _backend(proxy: ProxyDraft, number: int) -> Backend:
    return Backend(
        name=proxy.name,
        proxy_id=number,
        mode=proxy.mode,
        location=proxy.location,
        balance=proxy.balance,
        servers=tuple(_server(draft) for draft in proxy.servers),
        retries=proxy.retries,
        redispatch=proxy.redispatch,
        disabled=proxy.disabled,
        timeouts=_backend_timeouts(proxy),
        check=proxy.check.built(),
    )


def _backend_timeouts(proxy: ProxyDraft) -> Timeouts:
    return Timeouts(
        connect_s=proxy.connect_s,
        server_s=proxy.server_s,
        queue_s=proxy.queue_s,
        check_s=proxy.check_s,
        tunnel_s=proxy.tunnel_s,
    )


def _server(draft: ServerDraft) -> ServerLine:
    return ServerLine(
        name=draft.name,
        address=draft.address,
        location=draft.location,
        weight=draft.weight,
        maxconn=draft.maxconn,
        check=_check(draft) if draft.check else None,
        disabled=draft.disabled,
        agent=_agent(draft) if draft.agent_check else None,
        shutdown_on_down=draft.shutdown_on_down,
        shutdown_backups_on_up=draft.shutdown_backups_on_up,
    )


def _check(draft: ServerDraft) -> CheckSettings:
    return CheckSettings(
        draft.inter_s,
        draft.rise,
        draft.fall,
        draft.fastinter_s,
        draft.downinter_s,
        draft.check_host,
        draft.check_port,
    )


def _agent(draft: ServerDraft) -> AgentSettings:
    assert draft.agent_port is not None  # `validate` has seen to it
    return AgentSettings(draft.agent_port, draft.agent_host, draft.agent_inter_s, draft.agent_send)
