"""Keywords that HAProxy has dropped and still answers by name: each says what to write instead."""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.config.grammar import Keyword, Section, refused

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)

_INSTEAD = {
    "redispatch": "'option redispatch'",
    "clitimeout, timeout clitimeout": "'timeout client'",
    "contimeout, timeout contimeout": "'timeout connect'",
    "srvtimeout, timeout srvtimeout": "'timeout server'",
    "block, reqdeny, reqideny": "'http-request deny'",
    "reqadd": "'http-request add-header'",
    "reqallow, reqiallow": "'http-request allow'",
    "reqdel, reqidel": "'http-request del-header'",
    "reqrep, reqirep, cliexp": "'http-request replace-header'",
    "reqtarpit, reqitarpit": "'http-request tarpit'",
    "rspadd": "'http-response add-header'",
    "rspdel, rspidel": "'http-response del-header'",
    "rspdeny, rspideny": "'http-response deny'",
    "rsprep, rspirep, srvexp": "'http-response replace-header'",
    "monitor-net": "'http-request return status 200 if { src … }'",
}


def _rows() -> Iterator[Keyword]:
    for words, instead in _INSTEAD.items():
        yield from refused(words, _ANYWHERE, f"HAProxy dropped it in 2.1, use {instead}", "4.2")
    yield from refused("reqpass, reqipass, option http_proxy", _ANYWHERE, "HAProxy dropped it in 2.1", "4.2")
    yield from refused("option forceclose", _ANYWHERE, "HAProxy dropped it in 2.0, use 'option httpclose'", "4.2")
    yield from refused("appsession", _ANYWHERE, "HAProxy dropped it in 1.6", "4.2")


RETIRED = tuple(_rows())
