"""Whether a browser sent a form from the page itself, or another site had it sent (cross-site request forgery)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

_OWN = ("same-origin", "none")  # none: the user's own doing, such as a bookmark
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def same_origin(headers: Mapping[str, Sequence[str]]) -> bool:
    """Tell it from the headers of a request, by names in lower case; a client that sends none of them is no browser.

    `Sec-Fetch-Site` (W3C Fetch Metadata) is believed first: it holds behind proxies that change `Host`, too. Then
    comes `Origin` (RFC 6454), then `Referer`, which must name the host that the request was sent to.
    """
    site = headers.get("sec-fetch-site")
    if site:
        return len(site) == 1 and site[0].strip().lower() in _OWN
    for name in ("origin", "referer"):
        given = headers.get(name)
        if given:
            hosts = headers.get("host", ())
            return len(given) == len(hosts) == 1 and _host_of(given[0]) == _without_default_port(hosts[0])
    return True


def _host_of(address: str) -> str | None:
    """Return host and port of a URL, without what the scheme implies; None for `null` and what is no URL."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    if not parts.netloc:
        return None
    return parts.netloc.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(parts.scheme, ":"))


def _without_default_port(host: str) -> str:
    return host.strip().lower().removesuffix(":80").removesuffix(":443")
