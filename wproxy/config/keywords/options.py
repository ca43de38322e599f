"""The `option` keywords of proxies (configuration manual, section 4.2)."""

from __future__ import annotations

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report, Section, SetsTo, Statement, at_most, done, ignored, refused
from wproxy.config.keywords.checks import CHECK_OPTIONS
from wproxy.config.keywords.forwarding import FORWARDING

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)

_STRICT = "what would have been let through is refused: by 400 a request, by 502 a response"
_KERNEL = "tunes how HAProxy moves bytes"

_EVERY_LAST_RETRY = -1  # what `option redispatch` means without a number


def _redispatch(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 1)
    number = statement.arguments[0] if statement.arguments else str(_EVERY_LAST_RETRY)
    proxy.redispatch = values.interval(number)


def _warn_of_strictness(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 0)
    report.warn(statement.location, f"'{statement.keyword}' has no effect in wproxy: {_STRICT}.")


OPTIONS = (
    done(
        "option redispatch",
        _BACK,
        _redispatch,
        "a retry may go to another server: every n-th, -n the n-th from the last; default -1",
        "4.2",
        undo=SetsTo("redispatch", None),
    ),
    done(
        "option allbackups",
        _BACK,
        SetsTo("allbackups", True),
        "all backup servers at a time, not the first one only",
        "4.2",
        undo=SetsTo("allbackups", False),
    ),
    done(
        "option redis-eject",
        _BACK,
        SetsTo("redis_eject", True),
        "under `balance key` the keys of a server that is down go to the others, as caches like it",
        "wproxy's own",
        undo=SetsTo("redis_eject", False),
    ),
    *ignored("option contstats, option socket-stats", _FRONT, "concerns statistics only", "4.2", reversible=True),
    *ignored(
        "option splice-auto, option splice-request, option splice-response", _ANYWHERE, _KERNEL, "4.2", reversible=True
    ),
    *ignored("option tcp-smart-accept", _FRONT, _KERNEL, "4.2", reversible=True),
    *ignored("option tcp-smart-connect", _BACK, _KERNEL, "4.2", reversible=True),
    *ignored("option accept-invalid-http-request", _FRONT, _STRICT, "4.2", reversible=True, action=_warn_of_strictness),
    *ignored("option accept-invalid-http-response", _BACK, _STRICT, "4.2", reversible=True, action=_warn_of_strictness),
    *ignored("option disable-h2-upgrade", _FRONT, "wproxy does not speak HTTP/2", "4.2", reversible=True),
    *ignored(
        "option idle-close-on-response",
        _FRONT,
        "a soft stop gives idle clients a last request anyway",
        "4.2",
        reversible=True,
    ),
    *ignored("option http-no-delay", _ANYWHERE, "wproxy passes on what comes at once", "4.2", reversible=True),
    *ignored("option http-tunnel", _ANYWHERE, "HAProxy dropped it in 2.1, and ignores it too", "4.2", reversible=True),
    *refused("option transparent", _BACK, "", "4.2", reversible=True),
    *refused("option independent-streams, option nolinger", _ANYWHERE, "", "4.2", reversible=True),
    *CHECK_OPTIONS,
    *FORWARDING,
)
