"""What a configuration may not say about logins, ejection and the slow log: part of `validate`."""

from __future__ import annotations

from wproxy.config.checks import Kind
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report
from wproxy.config.model import Mode


def redis_rules(proxy: ProxyDraft, report: Report) -> None:
    """Report what would have no effect: of logins a user thinks that they protect."""
    _clients(proxy, report)
    _servers(proxy, report)
    _ejection(proxy, report)
    _slowlog(proxy, report)


def _clients(proxy: ProxyDraft, report: Report) -> None:
    label = f"{proxy.section.value} '{proxy.name}'"
    if not proxy.has_frontend:
        return
    if proxy.redis_user is not None and proxy.redis_password is None:
        report.problem(proxy.location, f"{label} : 'redis-user' needs a 'redis-password'")
    if proxy.redis_password is not None and proxy.mode is not Mode.REDIS:
        report.problem(
            proxy.location,
            f"{label} : 'redis-password' is for 'mode redis' only: in 'mode {proxy.mode.value}' clients would get in "
            "without it",
        )


def _servers(proxy: ProxyDraft, report: Report) -> None:
    label = f"{proxy.section.value} '{proxy.name}'"
    speaks_redis = proxy.mode is Mode.REDIS or proxy.check.kind is Kind.REDIS
    for server in proxy.servers:
        where = f"{label}, server '{server.name}'"
        if server.redis_user is not None and server.redis_password is None:
            report.problem(server.location, f"{where} : 'redis-user' needs a 'redis-password'")
        if server.redis_password is not None and not speaks_redis:
            report.problem(
                server.location, f"{where} : 'redis-password' needs 'mode redis', or 'option redis-check' to be used by"
            )


def _ejection(proxy: ProxyDraft, report: Report) -> None:
    if not proxy.redis_eject or not proxy.has_backend:
        return
    if proxy.balance != "key":
        report.warn(proxy.location, "'option redis-eject' ignored: it is for 'balance key'.")
        return
    for server in proxy.servers:
        if not server.check:
            report.warn(
                server.location,
                f"'option redis-eject' does nothing for server '{server.name}' without 'check': nobody finds out that "
                "it is down.",
            )


def _slowlog(proxy: ProxyDraft, report: Report) -> None:
    """Warn of a line that does nothing; one in a section `defaults` may be meant for others."""
    if proxy.mode is not Mode.REDIS and proxy.slowlog_location is not None and proxy.has_backend:
        report.warn(proxy.slowlog_location, "'redis-slowlog' ignored: it is for 'mode redis'.")
