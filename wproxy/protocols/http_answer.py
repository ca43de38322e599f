"""One HTTP/1 answer out of the bytes that have come so far; httptools does the parsing.

For those who ask a single question and close, such as health checks: no keep-alive, a status 1xx is an answer as well.
"""

from __future__ import annotations

import httptools

from wproxy.records import dataclass


class AnswerError(ValueError):
    """The bytes are no HTTP answer, or it broke off in its head. Raised and caught by who asks for a parse."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose head is there; `body` is what has come of it, `complete` tells whether that is all."""

    status: int
    reason: str
    body: bytes
    complete: bool


class _Collector:
    """What httptools calls while it parses."""

    def __init__(self) -> None:
        self.reason = b""
        self.body = b""
        self.status = 0
        self.head = False
        self.complete = False
        self.parser = httptools.HttpResponseParser(self)

    def on_status(self, reason: bytes) -> None:
        if not self.head:  # another answer may follow, after a status 1xx
            self.reason += reason

    def on_headers_complete(self) -> None:
        if not self.head:
            self.head = True
            self.status = self.parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


def parse_answer(data: bytes, ended: bool) -> Answer | None:
    """Return the answer in `data`, None while its head is incomplete; raise AnswerError. `ended`: no more comes."""
    collector = _Collector()
    try:
        collector.parser.feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        # What follows after a complete answer is none of our business.
        if not collector.head:
            raise AnswerError(str(error)) from error
        ended = True
    if not collector.head:
        if ended:
            raise AnswerError("the answer broke off in its head")
        return None
    return Answer(collector.status, collector.reason.decode("latin-1"), collector.body, collector.complete or ended)
