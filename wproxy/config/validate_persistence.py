"""Says which lines of mode http have no effect in a proxy of another mode, in HAProxy's words."""

from __future__ import annotations

from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report
from wproxy.config.model import Mode


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
