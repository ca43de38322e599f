"""Checks lines that keep clients on servers: the mode that they need, in HAProxy's words, and who they name."""

from __future__ import annotations

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report
from wproxy.config.model import Mode
from wproxy.config.nearest import did_you_mean


def persistence_rules(proxy: ProxyDraft, report: Report) -> None:
    """Warn about a cookie and about address fields that nobody will see."""
    if proxy.mode is Mode.HTTP:
        return
    label = f"{proxy.section.value} '{proxy.name}'"
    if proxy.cookie is not None and proxy.has_backend:
        report.warn(proxy.cookie_location or proxy.location, f"cookie will be ignored for {label} (needs 'mode http').")
        proxy.cookie = None
    for option, location, name in (
        (proxy.forwarded_for, proxy.forwarded_for_location, "forwardfor"),
        (proxy.original_to, proxy.original_to_location, "originalto"),
    ):
        if option is not None:
            report.warn(location or proxy.location, f"'option {name}' ignored for {label} as it requires HTTP mode.")


def server_rules(proxy: ProxyDraft, report: Report) -> None:
    """Report `use-server` rules whose server is not there, or whose commands have no one client."""
    label = f"{proxy.section.value} '{proxy.name}'"
    names = [server.name for server in proxy.servers]
    for rule in proxy.server_rules:
        if proxy.mode is Mode.REDIS:
            report.problem(rule.location, f"{label} : 'use-server' is not for 'mode redis'")
        elif rule.compute is None and rule.server not in names:
            hint = did_you_mean(rule.server, names)
            report.problem(
                rule.location, f"{label} : unable to find server '{rule.server}' of a 'use-server' rule{hint}"
            )
