"""The heads that leave the proxy: requests to servers, responses to clients, and its own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Answer, Closing
from wproxy.protocols.http1.answers import ERROR_FIELDS, ERRORS
from wproxy.protocols.http1.answers import response as own_response
from wproxy.protocols.http1.heads import CHUNKED, RequestHead, ResponseHead

if TYPE_CHECKING:
    from wproxy.dataplane.http.route import HttpRoute

LAST = frozenset({400, 408})  # after these the client's connection ends

_CLOSE = b"connection: close\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n"

_ERRORS = {status: Answer(status, b"", ERROR_FIELDS, error.body(status), cause="") for status, error in ERRORS.items()}


def error(status: int) -> Answer:
    """Return the page of an error."""
    return _ERRORS[status]


def request_end(head: RequestHead, route: HttpRoute) -> bytes:
    """Return the lines that a request to a server gets at the end of its head."""
    if route.closing is Closing.KEEP_ALIVE or route.pretends:
        return b"" if head.minor or head.upgrades or head.length == CHUNKED else _KEEP_ALIVE
    return _CLOSE if head.minor and not head.upgrades else b""


def identity(facts: HttpFacts, name: bytes) -> bytes:
    """Return the line that tells a server by which text its request is known, nothing where there is no format."""
    text = facts.unique_id.encode("latin-1")
    return b"" if facts.identify is None else b"%b: %b\r\n" % (name, text)


def is_for_connection(head: ResponseHead) -> bool:
    """Tell whether a 401 or 407 asks for a login that belongs to the connection: NTLM, Negotiate."""
    name = b"www-authenticate" if head.status == 401 else b"proxy-authenticate"
    return any(value[:4].lower() in (b"ntlm", b"nego") for value in head.values(name))


def response_end(head: ResponseHead, request: RequestHead, *, keeps: bool, tunnel: bool) -> bytes:
    """Return the lines that a response gets: what it says of the connection is the proxy's own word."""
    return b"" if tunnel and not keeps else _connection(head.minor, request.minor, keeps=keeps)


def _connection(minor: int, asked_minor: int, *, keeps: bool) -> bytes:
    """Return what a response of HTTP/1.`minor` to a request of HTTP/1.`asked_minor` says of the connection."""
    if keeps:
        return b"" if minor and asked_minor else _KEEP_ALIVE
    return _CLOSE if minor else b""


def answer(answer: Answer, request: RequestHead, *, keeps: bool) -> bytes:
    """Return an answer of the proxy itself."""
    end = _connection(answer.minor, request.minor, keeps=keeps)
    return _written(answer, end, to_head=request.method == b"HEAD")


def last_answer(answer: Answer) -> bytes:
    """Return an answer to a client whose request cannot be read, so that its connection ends."""
    return _written(answer, _connection(answer.minor, 1, keeps=False), to_head=False)


def _written(answer: Answer, end: bytes, *, to_head: bool) -> bytes:
    return own_response(
        answer.status,
        answer.fields,
        answer.body,
        reason=answer.reason,
        minor=answer.minor,
        delimited=answer.delimited,
        end=end,
        to_head=to_head,
    )
