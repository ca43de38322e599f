"""What is kept of requests and responses for the log: `capture …` and `declare capture` (manual, sections 4.2, 8.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Protocol

from wproxy.config.acl.facts import FieldsFacts, HttpFacts
from wproxy.config.acl.samples import latin
from wproxy.config.http.action import Slots, Words
from wproxy.config.http.fields import field_name
from wproxy.config.http.model import Captures
from wproxy.config.values import ArgumentError, positive
from wproxy.records import dataclass

_SIDES = ("request", "response")

Header = tuple[int, bytes, int]  # slot, name of the field, length


@dataclass(slots=True)
class CaptureDraft:
    """The lines `capture …` of one frontend."""

    request: list[Header] = field(default_factory=list)
    response: list[Header] = field(default_factory=list)
    cookie: str = ""
    cookie_length: int = 0

    def built(self) -> Captures | None:
        """Return what a frontend captures, None when that is nothing."""
        if not (self.request or self.response or self.cookie):
            return None
        of_request = _keeping(tuple(self.request), lambda facts: facts.request, lambda facts: facts.captures)
        of_response = _keeping(tuple(self.response), _response, lambda facts: facts.response_captures)
        if not self.cookie:
            return Captures(of_request, of_response)
        find = _cookie(self.cookie, self.cookie_length)

        def request(facts: HttpFacts) -> None:
            if of_request is not None:
                of_request(facts)
            facts.captured_cookie = find(facts.request.values(b"cookie"), several=True)

        def response(facts: HttpFacts) -> None:
            if of_response is not None:
                of_response(facts)
            facts.captured_set_cookie = find(_response(facts).values(b"set-cookie"), several=False)

        return Captures(request, response)


class Find(Protocol):
    """Finds a cookie in the fields of a message; only requests have `several` in one."""

    def __call__(self, values: list[bytes], *, several: bool) -> str | None:
        """Return it as `name=value`, None when it is not there."""


def _cookie(name: str, length: int) -> Find:
    """Return what finds the first cookie whose name begins with `name`; a `=` at its end makes it all of it."""

    def find(values: list[bytes], *, several: bool) -> str | None:
        for value in values:
            text = value.decode("latin-1")
            for part in text.split(";") if several else (text.partition(";")[0],):
                pair = part.strip(" \t")
                if "=" in pair and pair.startswith(name):
                    return pair[:length]
        return None

    return find


def _response(facts: HttpFacts) -> FieldsFacts:
    assert facts.response is not None
    return facts.response


def _keeping(
    headers: tuple[Header, ...],
    message: Callable[[HttpFacts], FieldsFacts],
    kept: Callable[[HttpFacts], list[str | None]],
) -> Callable[[HttpFacts], None] | None:
    """Return what puts the last value of each field into its slot."""
    if not headers:
        return None

    def keep(facts: HttpFacts) -> None:
        slots = kept(facts)
        for slot, name, length in headers:
            values = message(facts).values(name)
            if values:
                slots[slot] = values[-1].decode("latin-1")[:length]

    return keep


def _length(words: Words) -> int:
    if not words.take("len"):
        raise ArgumentError("expects 'len <length>'")
    length = positive(words.next("a length after 'len'"))
    if not words.over:
        raise ArgumentError(f"cannot handle unexpected argument '{words.rest()[0]}'")
    return length


def declare(words: Words, slots: Slots) -> None:
    """Read `request len <length>` or `response len <length>`, which makes a slot that rules may fill."""
    side = words.next("'request' or 'response'")
    if side not in _SIDES:
        raise ArgumentError(f"expects 'request' or 'response', not '{side}'")
    (slots.request if side == "request" else slots.response).append(_length(words))


def capture_header(side: str, words: Words, slots: Slots, draft: CaptureDraft) -> None:
    """Read `header <name> len <length>`."""
    if not words.take("header"):
        raise ArgumentError("expects 'header <name> len <length>'")
    name = field_name(words.next("a header field's name"))
    length = _length(words)
    lengths, headers = (slots.request, draft.request) if side == "request" else (slots.response, draft.response)
    headers.append((len(lengths), name, length))
    lengths.append(length)


def capture_cookie(name: str, words: Words, draft: CaptureDraft) -> None:
    """Read `<name> len <length>`."""
    draft.cookie, draft.cookie_length = latin(name), _length(words)
