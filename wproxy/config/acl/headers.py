"""What can be asked about header fields (manual, section 7.3.6): `hdr` and its kin, for requests and responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from wproxy.config.acl import arguments
from wproxy.config.acl.facts import FieldsFacts, HttpFacts, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, Lister, plain
from wproxy.config.acl.samples import number_of

Message: TypeAlias = Callable[[HttpFacts], FieldsFacts]

# One of the values between commas; commas in quotes are part of it.
_VALUE = re.compile(rb'[ \t]*((?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[^",])*)(,|$)', re.DOTALL)
_PORT = re.compile(r"(.*\.[0-9]+):([0-9]{1,5})")


def request(facts: HttpFacts) -> FieldsFacts:
    """Return the request."""
    return facts.request


def response(facts: HttpFacts) -> FieldsFacts:
    """Return the response, which is there whenever it is asked for."""
    assert facts.response is not None
    return facts.response


def split(value: bytes) -> list[bytes]:
    """Return the values that a field lists between commas."""
    if b'"' not in value:
        return [part.strip(b" \t") for part in value.split(b",")]
    parts = []
    at = 0
    while True:
        match = _VALUE.match(value, at)
        assert match is not None  # it matches nothing, too
        parts.append(match[1].rstrip(b" \t"))
        if not match[2]:
            return parts
        at = match.end()


def _lines(message: FieldsFacts, name: bytes) -> list[bytes]:
    """Return the whole values of the fields `name`, of all fields without a name."""
    return message.values(name) if name else [field.value for field in message.fields]


def _values(message: FieldsFacts, name: bytes) -> list[bytes]:
    """Return the values of the fields `name`, those of a list one by one."""
    lines = _lines(message, name)
    if len(lines) == 1 and b"," not in lines[0]:
        return lines
    return [part for line in lines for part in split(line)]


Listing: TypeAlias = Callable[[FieldsFacts, bytes], list[bytes]]


def _one(message: Message, listing: Listing, name: bytes, occurrence: int) -> Callable[[HttpFacts], bytes | None]:
    """Return what finds one value: the n-th, the n-th from the last, without a number the last."""
    if not name and not occurrence:
        return lambda facts: None
    index = occurrence - 1 if occurrence > 0 else occurrence or -1

    def find(facts: HttpFacts) -> bytes | None:
        values = listing(message(facts), name)
        if index >= len(values) or -index > len(values):
            return None
        return values[index]

    return find


def _text(message: Message, listing: Listing) -> Callable[[bytes, int], Callable[[HttpFacts], str | None]]:
    def make(name: bytes, occurrence: int) -> Callable[[HttpFacts], str | None]:
        find = _one(message, listing, name, occurrence)

        def fetch(facts: HttpFacts) -> str | None:
            value = find(facts)
            return None if value is None else value.decode("latin-1")

        return fetch

    return make


def _last_text(message: Message) -> Callable[[bytes, int], Callable[[HttpFacts], str | None]]:
    """Return `_text` for values of lists; the usual case, one field without a list, is short."""
    usual = _text(message, _values)

    def make(name: bytes, occurrence: int) -> Callable[[HttpFacts], str | None]:
        if not name or occurrence not in (0, -1):
            return usual(name, occurrence)

        def fetch(facts: HttpFacts) -> str | None:
            lines = message(facts).values(name)
            if not lines:
                return None
            line = lines[-1]
            return (split(line)[-1] if b"," in line else line).decode("latin-1")

        return fetch

    return make


def _converted(
    message: Message, convert: Callable[[str], Value | None]
) -> Callable[[bytes, int], Callable[[HttpFacts], Value | None]]:
    def make(name: bytes, occurrence: int) -> Callable[[HttpFacts], Value | None]:
        find = _one(message, _values, name, occurrence)

        def fetch(facts: HttpFacts) -> Value | None:
            value = find(facts)
            return None if value is None else convert(value.decode("latin-1"))

        return fetch

    return make


def _each(
    message: Message, listing: Listing, convert: Callable[[str], Value | None] = str
) -> Callable[[bytes, int], Lister]:
    """Return what lists all values for a condition; one with a number is that one only."""

    def make(name: bytes, occurrence: int) -> Lister:
        find = _one(message, listing, name, occurrence) if occurrence else None

        def fetch(facts: HttpFacts) -> Iterator[Value]:
            if find is None:
                values = listing(message(facts), name)
            else:
                one = find(facts)
                values = [] if one is None else [one]
            for value in values:
                converted = convert(value.decode("latin-1"))
                if converted is not None:
                    yield converted

        return fetch

    return make


def _count(message: Message, listing: Listing) -> Callable[[bytes], Callable[[HttpFacts], int]]:
    return lambda name: lambda facts: len(listing(message(facts), name))


def _names(message: Message) -> Callable[[str], Callable[[HttpFacts], str]]:
    def make(delimiter: str) -> Callable[[HttpFacts], str]:
        between = (delimiter[:1] or ",").encode("latin-1")
        return lambda facts: between.join([field.name for field in message(facts).fields]).decode("latin-1")

    return make


def _block(message: Message, facts: HttpFacts) -> str:
    lines = [b"%b: %b\r\n" % (field.name, field.value) for field in message(facts).fields]
    return (b"".join(lines) + b"\r\n").decode("latin-1")


def address(text: str) -> bytes | None:
    """Return the address that `text` is, as X-Forwarded-For has it; of IPv4 a port may follow."""
    port = _PORT.fullmatch(text)
    try:
        if port is not None:
            return IPv4Address(port[1]).packed if int(port[2]) < 65536 else None
        return (IPv6Address(text) if ":" in text else IPv4Address(text)).packed
    except ValueError:
        return None


def _here(facts: HttpFacts) -> FieldsFacts:
    """Return the message in hand: the response once that is there."""
    return facts.request if facts.response is None else facts.response


_NAME = (arguments.field_name,)
_OCCURRENCE = (arguments.field_name, arguments.occurrence)


def _rows(message: Message, stages: Stage, prefix: str) -> Iterator[Fetch]:
    """Yield the rows of one side, whose names are written `req.…` or `res.…`."""
    row = partial(Fetch, stages=stages)
    yield row(f"{prefix}.hdr", Kind.STRING, _last_text(message), _OCCURRENCE, each=_each(message, _values))
    yield row(f"{prefix}.fhdr", Kind.STRING, _text(message, _lines), _OCCURRENCE, each=_each(message, _lines))
    yield row(
        f"{prefix}.hdr_ip",
        Kind.ADDRESS,
        _converted(message, address),
        _OCCURRENCE,
        each=_each(message, _values, address),
    )
    yield row(
        f"{prefix}.hdr_val",
        Kind.INTEGER,
        _converted(message, number_of),
        _OCCURRENCE,
        each=_each(message, _values, number_of),
    )
    yield row(f"{prefix}.hdr_cnt", Kind.INTEGER, _count(message, _values), _NAME)
    yield row(f"{prefix}.fhdr_cnt", Kind.INTEGER, _count(message, _lines), _NAME)
    yield row(f"{prefix}.hdr_names", Kind.STRING, _names(message), (arguments.text,))
    yield plain(f"{prefix}.hdrs", Kind.STRING, partial(_block, message), stages)


HEADER_FETCHES = (
    *_rows(request, Stage.REQUEST, "req"),
    *_rows(response, Stage.RESPONSE, "res"),
    Fetch("hdr", Kind.STRING, _last_text(_here), _OCCURRENCE, Stage.REQUEST | Stage.RESPONSE, _each(_here, _values)),
)
