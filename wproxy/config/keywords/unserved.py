"""Keywords that change what mode http does and that wproxy does not do there: without effect elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from wproxy.config.drafts import ProxyDraft, ServerDraft
from wproxy.config.grammar import Keyword, Report, Section, Statement, ignored

_ANYWHERE = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
_FRONT = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN)
_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)
_SERVERS = (Section.LISTEN, Section.BACKEND)
_LINES = (Section.SERVER, Section.DEFAULT_SERVER)

_REASON = "acts in mode http only, and is refused there"


def _note(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.unserved.append(statement)


def _forget(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.unserved = [line for line in proxy.unserved if line.keyword != statement.keyword]


def _names(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note what restricts the names of fields; 'preserve' restricts nothing."""
    _forget(proxy, statement, report)
    if statement.arguments != ("preserve",):
        _note(proxy, statement, report)


def _parameter(server: ServerDraft, statement: Statement, report: Report) -> None:
    server.unserved = (*server.unserved, statement)


def _rows() -> Iterator[Keyword]:
    yield from ignored("use-fcgi-app", _SERVERS, _REASON, "4.2", action=_note)
    yield from ignored("option http-restrict-req-hdr-names", _ANYWHERE, _REASON, "4.2", action=_names)
    for words, sections in (
        ("option h1-case-adjust-bogus-client, option http-use-proxy-header", _FRONT),
        ("option checkcache, option h1-case-adjust-bogus-server", _BACK),
    ):
        yield from ignored(words, sections, _REASON, "4.2", reversible=True, action=_note, undo=_forget)


UNSERVED = tuple(_rows())
UNSERVED_PARAMETERS = tuple(ignored("redir +1", _LINES, _REASON, "5.2", action=_parameter))
