"""What a proxy says itself, in HAProxy's words: errors with its bodies, and whatever rules answer.

Two forms, as HAProxy has them: what its HTTP/1 parser refuses is answered with a text that is fixed and ends the
connection (`refusal`); everything else is a response like any other (`response`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Error:
    """The reason and the text of one status."""

    reason: str
    text: str

    def body(self, status: int) -> bytes:
        """Return the page."""
        return f"<html><body><h1>{status} {self.reason}</h1>\n{self.text}\n</body></html>\n".encode()


_LOGIN = "You need a valid user and password to access this content."

ERRORS: Mapping[int, Error] = {
    200: Error("OK", "Service ready."),
    400: Error("Bad request", "Your browser sent an invalid request."),
    401: Error("Unauthorized", _LOGIN),
    403: Error("Forbidden", "Request forbidden by administrative rules."),
    404: Error("Not Found", "The resource could not be found."),
    405: Error(
        "Method Not Allowed",
        "A request was made of a resource using a request method not supported by that resource",
    ),
    407: Error("Unauthorized", _LOGIN),
    408: Error("Request Time-out", "Your browser didn't send a complete request in time."),
    410: Error("Gone", "The resource is no longer available and will not be available again."),
    413: Error("Payload Too Large", "The request entity exceeds the maximum allowed."),
    421: Error("Misdirected Request", "Request sent to a non-authoritative server."),
    422: Error("Unprocessable Content", "The server cannot process the contained instructions."),
    425: Error("Too Early", "Your browser sent early data."),
    429: Error("Too Many Requests", "You have sent too many requests in a given amount of time."),
    500: Error("Internal Server Error", "An internal server error occurred."),
    501: Error("Not Implemented", ".The server does not support the functionality required to fulfill the request."),
    502: Error("Bad Gateway", "The server returned an invalid or incomplete response."),
    503: Error("Service Unavailable", "No server is available to handle this request."),
    504: Error("Gateway Time-out", "The server didn't respond in time."),
}

ERROR_FIELDS = ((b"cache-control", b"no-cache"), (b"content-type", b"text/html"))


def reason_of(status: int) -> bytes:
    """Return the usual reason of `status`."""
    error = ERRORS.get(status)
    if error is not None:
        return error.reason.encode()
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Other"


def response(
    status: int,
    fields: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    reason: bytes = b"",
    minor: int = 1,
    delimited: bool = False,
    end: bytes = b"",
    to_head: bool = False,
) -> bytes:
    """Return a response in HTTP/1.`minor` whose head ends with the lines `end`; `to_head` leaves the body out.

    It gets a Content-Length, unless it is `delimited` by its fields or by the end of the connection.
    """
    lines = b"".join([b"%b: %b\r\n" % field for field in fields])
    bodiless = status == 204  # RFC 9110, section 8.6: it has no Content-Length either
    length = b"" if bodiless or delimited else b"content-length: %d\r\n" % len(body)
    head = b"HTTP/1.%d %d %b\r\n%b%b%b\r\n" % (minor, status, reason or reason_of(status), length, lines, end)
    return head if to_head or bodiless else head + body


def refusal(status: int) -> bytes:
    """Return what is said to a client that does not speak HTTP, or not in time."""
    error = ERRORS[status]
    body = error.body(status)
    close = b"" if status == 422 else b"Connection: close\r\n"  # as HAProxy's texts have it
    return (
        b"HTTP/1.1 %d %b\r\nContent-length: %d\r\nCache-Control: no-cache\r\n%bContent-Type: text/html\r\n\r\n%b"
    ) % (status, error.reason.encode(), len(body), close, body)
