"""Turns the drafts of a valid configuration into the frozen model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

from wproxy.config.checks import AgentSettings
from wproxy.config.drafts import BindDraft, GlobalDraft, ProxyDraft, ServerDraft
from wproxy.config.grammar import Report
from wproxy.config.http.model import HttpBack, HttpFront
from wproxy.config.login import login_of
from wproxy.config.model import (
    Address,
    Backend,
    Bind,
    CheckSettings,
    Config,
    Frontend,
    Global,
    Inspection,
    Logs,
    Mode,
    ServerLine,
    StatsPage,
    StickTable,
    Timeouts,
)
from wproxy.config.table_data import DATA, SERVER_ID, SERVER_KEY, Stored

_FIRST_PROXY_ID = 2  # as HAProxy counts: 1 is its own GLOBAL proxy


def build(process: GlobalDraft, proxies: Sequence[ProxyDraft], report: Report) -> Config:
    """Return the configuration; `proxies` are numbered in order, as HAProxy numbers its `iid`."""
    numbered = list(enumerate(proxies, start=_FIRST_PROXY_ID))
    return Config(
        globals=_global(process),
        frontends=tuple(_frontend(proxy, number, process) for number, proxy in numbered if proxy.has_frontend),
        backends=tuple(_backend(proxy, number, process) for number, proxy in numbered if proxy.has_backend),
        tables=tuple(table for proxy in proxies if not proxy.disabled for table in _tables(proxy, proxies)),
        ignored=tuple(report.ignored),
        warnings=tuple(report.warnings),
    )


def _global(process: GlobalDraft) -> Global:
    return Global(
        stats_sockets=tuple(process.stats_sockets),
        stats_timeout_s=process.stats_timeout_s,
        stats_maxconn=process.stats_maxconn,
        bufsize=process.bufsize,
        maxrewrite=process.maxrewrite,
        fields_max=process.fields_max,
        master_worker=process.master_worker,
        log_line_max=process.log_line_max,
        maxconn=process.maxconn,
        connection_rate=process.connection_rate,
        session_rate=process.session_rate,
        open_files=process.open_files,
        strict_limits=process.strict_limits,
        nbthread=process.nbthread,
        hard_stop_s=process.hard_stop_s,
        daemon=process.daemon,
        pidfile=process.pidfile,
        user=process.user,
        group=process.group,
        chroot=process.chroot,
        node=process.node,
        description=process.description,
        state_file=process.state_file,
        log_tag=process.log_tag,
        log_hostname=process.log_hostname,
        spread_checks=process.spread_checks,
        max_spread_checks_s=process.max_spread_checks_s,
        tls=process.tls,
    )


def _frontend(proxy: ProxyDraft, number: int, process: GlobalDraft) -> Frontend:
    return Frontend(
        name=proxy.name,
        proxy_id=number,
        mode=proxy.mode,
        location=proxy.location,
        binds=_binds(proxy.binds),
        default_backend=_served_by(proxy),
        maxconn=proxy.maxconn,
        rate_limit=proxy.rate_limit,
        disabled=proxy.disabled,
        timeouts=Timeouts(client_s=proxy.client_s, client_fin_s=proxy.client_fin_s),
        logs=_logs(proxy, process),
        switching=tuple(proxy.switching),
        connection_rules=tuple(proxy.connection_rules),
        session_rules=tuple(proxy.session_rules),
        inspection=_inspection(proxy),
        page=_page(proxy),
        keepalive=proxy.client_keepalive,
        login=login_of(proxy.redis_user, proxy.redis_password),
        http=_http_front(proxy) if proxy.mode is Mode.HTTP else None,
        description=proxy.description,
    )


def _inspection(proxy: ProxyDraft) -> Inspection:
    return Inspection(tuple(proxy.content_rules), proxy.inspect_delay_s, len(proxy.http.slots.request))


def _http_front(proxy: ProxyDraft) -> HttpFront:
    return replace(
        proxy.http.front(),
        tarpit_s=_tarpit_s(proxy),
        forwarded_for=proxy.forwarded_for,
        original_to=proxy.original_to,
        compression=proxy.compression,
    )


def _tarpit_s(proxy: ProxyDraft) -> float | None:
    """Return how long `tarpit` lasts, as long as `timeout connect` unless it is said (section 4.2)."""
    return proxy.connect_s if proxy.http.tarpit_s is None else proxy.http.tarpit_s


def _http_back(proxy: ProxyDraft) -> HttpBack:
    return replace(
        proxy.http.back(),
        tarpit_s=_tarpit_s(proxy),
        cookie=proxy.cookie,
        name_field=proxy.name_field.encode() or None,
        forwarded_for=proxy.forwarded_for,
        original_to=proxy.original_to,
        compression=proxy.compression,
    )


def _tables(proxy: ProxyDraft, proxies: Sequence[ProxyDraft]) -> list[StickTable]:
    """Return the table of a section, if it has one; servers are stored where a `stick` line uses it."""
    draft = proxy.table
    if draft is None or draft.kind is None:
        return []
    stored = {each.datum.name: each for each in draft.stored}
    if any(rule.table == proxy.name for other in proxies if not other.disabled for rule in other.stick_rules):
        stored.update({name: Stored(DATA[name]) for name in (SERVER_ID, SERVER_KEY)})
    data = tuple(stored[name] for name in DATA if name in stored)
    return [StickTable(proxy.name, draft.kind, draft.size, draft.expire_s, draft.nopurge, draft.length, data)]


def _page(proxy: ProxyDraft) -> StatsPage | None:
    page = proxy.page
    if page is None or proxy.mode is not Mode.HTTP:
        return None
    scope = frozenset(proxy.name if name == "." else name for name in page.scope)
    admin = tuple(proxy.page_admins)
    return StatsPage(
        page.uri,
        page.realm,
        tuple(page.users),
        page.refresh_s,
        page.hide_version,
        scope,
        admin,
        page.legends,
        page.modules,
        page.node,
        page.description,
    )


def _served_by(proxy: ProxyDraft) -> str | None:
    """Return the backend of a frontend: a listen section without one serves itself, a disabled one nobody."""
    if proxy.disabled:
        return None
    return proxy.default_backend or (proxy.name if proxy.has_backend else None)


def _binds(drafts: Sequence[BindDraft]) -> tuple[Bind, ...]:
    """Return the addresses; one without a number gets that of its place, or the next that is free, as on HAProxy."""
    taken = {draft.number for draft in drafts}
    made: list[Bind] = []
    free = 1
    for draft in drafts:
        for address in draft.addresses:
            while draft.number is None and free in taken:
                free += 1
            words = draft.accept_proxy, draft.tls_made, draft.name, draft.number or free
            made.append(Bind(address, draft.location, *words))
            free += 1
    return tuple(made)


def _backend(proxy: ProxyDraft, number: int, process: GlobalDraft) -> Backend:
    return Backend(
        name=proxy.name,
        proxy_id=number,
        mode=proxy.mode,
        location=proxy.location,
        balance=proxy.balance,
        servers=tuple(server_line(draft, proxy.source) for draft in proxy.servers),
        retries=proxy.retries,
        redispatch=proxy.redispatch,
        disabled=proxy.disabled,
        timeouts=_backend_timeouts(proxy),
        logs=_logs(proxy, process),
        draws=proxy.draws,
        hash_type=proxy.hash_type,
        allbackups=proxy.allbackups,
        stick_rules=tuple(proxy.stick_rules),
        server_rules=tuple(proxy.server_rules),
        persist_rules=tuple(proxy.persist_rules),
        inspection=_inspection(proxy),
        persist=proxy.persist,
        source=proxy.source,
        fullconn=proxy.fullconn,
        check=proxy.check.built(),
        redis_eject=proxy.redis_eject,
        redis_window_s=proxy.redis_window_s,
        slowlog=proxy.slowlog,
        keepalive=proxy.server_keepalive,
        hashed=proxy.hashed,
        http=_http_back(proxy) if proxy.mode is Mode.HTTP else None,
        description=proxy.description,
        page=None if proxy.has_frontend else _page(proxy),
    )


def _backend_timeouts(proxy: ProxyDraft) -> Timeouts:
    return Timeouts(
        connect_s=proxy.connect_s,
        server_s=proxy.server_s,
        queue_s=proxy.queue_s,
        check_s=proxy.check_s,
        tunnel_s=proxy.tunnel_s,
        server_fin_s=proxy.server_fin_s,
    )


def _logs(proxy: ProxyDraft, process: GlobalDraft) -> Logs:
    lines = (process.log_targets if line is None else (line,) for line in proxy.log_targets)
    return Logs(
        targets=tuple(target for targets in lines for target in targets),
        tag=proxy.log_tag,
        format=proxy.log_pieces,
        null=proxy.log_null,
        normal=proxy.log_normal,
        separate_errors=proxy.log_separate_errors,
        as_soon_as_possible=proxy.log_asap,
    )


def server_line(draft: ServerDraft, source: Address | None = None) -> ServerLine:
    """Return the line of one server, in the file or at runtime, of a backend with that `source`."""
    return ServerLine(
        name=draft.name,
        address=draft.address,
        location=draft.location,
        weight=draft.weight,
        maxconn=max(draft.maxconn or 0, draft.minconn) or None,
        source=draft.source or source,
        minconn=draft.minconn if draft.minconn < (draft.maxconn or 0) else 0,
        check=_check(draft) if draft.check else None,
        disabled=draft.disabled,
        backup=draft.backup,
        maxqueue=draft.maxqueue,
        pool_max=draft.pool_max,
        reuse_max=draft.reuse_max,
        slowstart_s=ceil(draft.slowstart_s),
        send_proxy=draft.send_proxy,
        check_send_proxy=draft.check_send_proxy,
        non_stick=draft.non_stick,
        cookie=draft.cookie,
        agent=_agent(draft) if draft.agent_check else None,
        shutdown_on_down=draft.shutdown_on_down,
        shutdown_backups_on_up=draft.shutdown_backups_on_up,
        tls=draft.tls_made,
        login=login_of(draft.redis_user, draft.redis_password),
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
        draft.check_tls,
        draft.rule_tls,
    )


def _agent(draft: ServerDraft) -> AgentSettings:
    assert draft.agent_port is not None  # `validate` has seen to it
    return AgentSettings(draft.agent_port, draft.agent_host, draft.agent_inter_s, draft.agent_send)
