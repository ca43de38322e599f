"""Heads of requests and responses: read once, changed by rules, written once.

What is accepted is what HAProxy 2.6 accepts, except a NUL in a value, which it passes on and RFC 9110 (section 5.5)
calls dangerous. Most heads are taken by splitting them into lines that are known already (`fields.Lines`). A head with a
line that is no field may still be one to HAProxy: with line feeds alone, folded lines, empty lines in front. `_unfold`
brings it into the plain form; then it is read again in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from wproxy.protocols.http1.fields import (
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    TE,
    TOKEN,
    TRANSFER_ENCODING,
    UPGRADE,
    Field,
    Lines,
)  # fmt: skip

FIELDS_MAX = 101  # HAProxy's tune.http.maxhdr
CHUNKED = -1  # as a body's length

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb")[ \t]+([!-\"$-\x7f]+)[ \t]+HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/([0-9])\.([0-9])[ \t]+([0-9]{1,5})(?:[ \t]+([^\x00\r\n]*))?[ \t]*")
_REQUEST_BEGINS = re.compile(rb"[\r\n]*(?:" + TOKEN + rb"(?:[ \t][ \t!-\"$-\x7f]*)?)?")
_END = re.compile(rb"\n\r?\n")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?]*)(/?.*)", re.DOTALL)
_AUTHORITY = re.compile(rb"[^/?@]+")
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}
_REMEMBERED = 1024
_SLASH = 0x2F


@dataclass(frozen=True, slots=True)
class Fault:
    """Bytes that are no head; `status` is what the client is answered, `reason` says what is wrong with them."""

    status: int
    reason: str


class Head:
    """The fields of a message and what they say about its body and its connection.

    `length` is that of the body: None where no field tells one, CHUNKED. `closes` tells that the peer asked for, or by
    its version meant, the end of the connection after this message; `upgrades` that it asked for another protocol.
    `size` is how many bytes the head took. Names are in lower case.
    """

    __slots__ = ("closes", "fields", "length", "minor", "size", "upgrades")

    def __init__(self, minor: int, fields: list[Field], size: int) -> None:
        self.minor = minor
        self.fields = fields
        self.size = size
        self.length: int | None = None
        self.closes = minor == 0
        self.upgrades = False

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all fields `name`, in order."""
        return [field.value for field in self.fields if field.name == name]

    def add(self, name: bytes, value: bytes) -> None:
        """Add a field at the end."""
        self.fields.append(Field.of(name, value))

    def set(self, name: bytes, value: bytes) -> None:
        """Have one field `name` and no other."""
        self.remove(name)
        self.add(name, value)

    def remove(self, name: bytes) -> None:
        """Remove all fields `name`."""
        self.fields = [field for field in self.fields if field.name != name]

    def replace(self, fields: Iterable[Field]) -> None:
        """Take `fields` in the place of those that are there."""
        self.fields = list(fields)


class RequestHead(Head):
    """The head of a request; `expects` tells that its client waits for a status 100 before it sends the body."""

    __slots__ = ("expects", "method", "target")

    def __init__(self, method: bytes, target: bytes, minor: int, fields: list[Field], size: int) -> None:
        super().__init__(minor, fields, size)
        self.method = method
        self.target = target
        self.expects = False

    def to_bytes(self, more: bytes = b"") -> bytes:
        """Return the head to send; `more` are lines to add at its end."""
        lines = b"".join([field.line for field in self.fields])
        return b"%b %b HTTP/1.%d\r\n%b%b\r\n" % (self.method, self.target, self.minor, lines, more)


class ResponseHead(Head):
    """The head of a response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: bytes, minor: int, fields: list[Field], size: int) -> None:
        super().__init__(minor, fields, size)
        self.status = status
        self.reason = reason

    def to_bytes(self, more: bytes = b"") -> bytes:
        """Return the head to send; `more` are lines to add at its end."""
        lines = b"".join([field.line for field in self.fields])
        return b"HTTP/1.%d %d %b\r\n%b%b\r\n" % (self.minor, self.status, self.reason, lines, more)


class RequestLines(dict[bytes, "tuple[bytes, bytes, int] | None"]):
    """What each request line is: method, target and minor version; None when it is none. Bounded as `Lines` is."""

    __slots__ = ()

    def __missing__(self, line: bytes) -> tuple[bytes, bytes, int] | None:
        match = _REQUEST_LINE.fullmatch(line)
        parts = None if match is None else (match[1], match[2], _minor(match[3], match[4]))
        if len(line) <= 512:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = parts
        return parts


class StatusLines(dict[bytes, "tuple[int, bytes, int] | None"]):
    """What each status line is: status, reason and minor version; None when it is none. Bounded as `Lines` is."""

    __slots__ = ()

    def __missing__(self, line: bytes) -> tuple[int, bytes, int] | None:
        match = _STATUS_LINE.fullmatch(line)
        parts = None if match is None else (int(match[3]), match[4] or b"", _minor(match[1], match[2]))
        if len(line) <= 512:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[line] = parts
        return parts


class HeadParser:
    """Reads the heads of one process; `limit` is how long one may be, in bytes (tune.bufsize - tune.maxrewrite)."""

    __slots__ = ("_limit", "_lines", "_requests", "_statuses")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lines = Lines()
        self._requests = RequestLines()
        self._statuses = StatusLines()

    def request(self, data: bytes) -> RequestHead | Fault | None:
        """Return the head at the beginning of `data`, None while more must come."""
        end = data.find(b"\r\n\r\n")
        if end >= 0 and end <= self._limit:
            first, *lines = data[:end].split(b"\r\n")
            start = self._requests[first]
            if start is not None:
                known = self._lines
                fields = [known[line] for line in lines]
                if None not in fields:
                    return _request(RequestHead(*start, fields, end + 4))  # type: ignore[arg-type] # no None in it
        return self._unusual_request(data)

    def response(self, data: bytes) -> ResponseHead | Fault | None:
        """Return the head at the beginning of `data`, None while more must come."""
        end = data.find(b"\r\n\r\n")
        if end >= 0 and end <= self._limit:
            first, *lines = data[:end].split(b"\r\n")
            start = self._statuses[first]
            if start is not None:
                known = self._lines
                fields = [known[line] for line in lines]
                if None not in fields:
                    return _response(ResponseHead(*start, fields, end + 4))  # type: ignore[arg-type] # no None in it
        return self._unusual_response(data)

    def _unusual_request(self, data: bytes) -> RequestHead | Fault | None:
        head = self._unfold(data)
        if head is None:
            if _REQUEST_BEGINS.match(data).end() < min(len(data), _first_line(data)):  # type: ignore[union-attr]
                return Fault(400, "no request line")
            return Fault(400, "request head too long") if len(data) > self._limit else None
        if isinstance(head, Fault):
            return head
        first, lines, size = head
        start = self._requests[first]
        fields = [self._lines[line] for line in lines]
        if start is None:
            return Fault(400, "no request line")
        if None in fields:
            return Fault(400, "a header line that is none")
        return _request(RequestHead(*start, fields, size))  # type: ignore[arg-type] # no None in it

    def _unusual_response(self, data: bytes) -> ResponseHead | Fault | None:
        head = self._unfold(data)
        if head is None:
            return Fault(502, "response head too long") if len(data) > self._limit else None
        if isinstance(head, Fault):
            return head
        first, lines, size = head
        start = self._statuses[first]
        fields = [self._lines[line] for line in lines]
        if start is None:
            return Fault(502, "no status line")
        if None in fields:
            return Fault(502, "a header line that is none")
        return _response(ResponseHead(*start, fields, size))  # type: ignore[arg-type] # no None in it

    def _unfold(self, data: bytes) -> tuple[bytes, list[bytes], int] | Fault | None:
        """Return first line, other lines and size of a head, with folded lines joined; None while more must come."""
        begin = len(data) - len(data.lstrip(b"\r\n"))
        end = _END.search(data, begin)
        if end is None or begin == len(data):
            return None
        if end.end() - begin > self._limit:
            return Fault(400, "head too long")
        first, *rest = data[begin : end.start()].split(b"\n")
        lines: list[bytes] = []
        for line in rest:
            if line[:1] not in (b" ", b"\t"):
                lines.append(line)
            elif not lines:
                return Fault(400, "a folded line without a field")
            else:  # the line end becomes spaces, as many as it had characters
                before = lines[-1]
                lines[-1] = (before[:-1] + b"  " if before.endswith(b"\r") else before + b" ") + line
        return first.removesuffix(b"\r"), [line.removesuffix(b"\r") for line in lines], end.end()


def _first_line(data: bytes) -> int:
    """Return where the first line that is not empty ends, the end of `data` when it has not ended."""
    begin = len(data) - len(data.lstrip(b"\r\n"))
    end = data.find(b"\n", begin)
    return len(data) if end < 0 else end


def _minor(major: bytes, minor: bytes) -> int:
    """Return 1 for 1.1 and whatever is newer, else 0."""
    return int((major, minor) >= (b"1", b"1"))


def _request(head: RequestHead) -> RequestHead | Fault:
    """Return `head` with what its fields mean, or what they contradict each other in."""
    if len(head.fields) >= FIELDS_MAX:
        return Fault(400, "too many header fields")
    special = [field for field in head.fields if field[3]]
    if len(special) == 1 and special[0][3] == HOST and head.target[0] == _SLASH and head.method != b"CONNECT":
        return head  # as most are
    fault = _hosts(head, special) or _framing(head, special)
    if fault is not None:
        return fault
    if head.length == CHUNKED and head.minor == 0:
        head.closes = True
    return head


def _hosts(head: RequestHead, special: list[Field]) -> Fault | None:
    """Check target and Host against each other; one Host that is told several times is told on once."""
    hosts = [field.value for field in special if field.mark == HOST]
    if len(hosts) > 1:
        if len(set(hosts)) > 1:
            return Fault(400, "two Host fields that differ")
        first = next(field for field in special if field.mark == HOST)
        head.fields = [field for field in head.fields if field is first or field.mark != HOST]
    if head.target[0] == _SLASH and head.method != b"CONNECT":
        return None
    return _authority(head, hosts[0] if hosts else None)


def _authority(head: RequestHead, host: bytes | None) -> Fault | None:
    """Check a target that is no path."""
    if head.method == b"CONNECT":
        scheme, authority = b"", head.target
        if not _AUTHORITY.fullmatch(authority):
            return Fault(400, "CONNECT to something else than an authority")
    elif head.target == b"*":
        return Fault(400, "HTTP/2 is not spoken here") if head.method == b"PRI" else None
    else:
        match = _ABSOLUTE.fullmatch(head.target)
        if match is None:
            return Fault(400, "a target that is neither path nor URI")
        scheme, authority = head.target.partition(b":")[0].lower(), match[1]
    port = _DEFAULT_PORTS.get(scheme, b":80" if not scheme else b"")
    if host is not None and authority.rpartition(b"@")[2].lower().removesuffix(port) != host.lower().removesuffix(port):
        return Fault(400, "target and Host that differ")
    if authority.endswith(port) and port:
        _drop_port(head, scheme, authority, port)
    return None


def _drop_port(head: RequestHead, scheme: bytes, authority: bytes, port: bytes) -> None:
    """Take the port that goes without saying out of target and Host, as HAProxy does."""
    if scheme:
        head.target = head.target.replace(authority, authority.removesuffix(port), 1)
    head.fields = [
        Field.of(b"host", field.value.removesuffix(port)) if field.mark == HOST else field for field in head.fields
    ]


def _response(head: ResponseHead) -> ResponseHead | Fault:
    """Return `head` with what its fields mean, or what they contradict each other in."""
    if len(head.fields) >= FIELDS_MAX:
        return Fault(502, "too many header fields")
    special = [field for field in head.fields if field[3]]
    if special and (fault := _framing(head, special)) is not None:
        return Fault(502, fault.reason)
    return head


def _framing(head: Head, special: list[Field]) -> Fault | None:
    """Find out what fields say about body and connection (RFC 9112, sections 6 and 9); take those of one hop out."""
    lengths: set[bytes] = set()
    codings: list[bytes] = []
    tokens: list[bytes] = []
    for field in special:
        mark = field.mark
        if mark == CONTENT_LENGTH:
            lengths.update(part.strip(b" \t") for part in field.value.split(b","))
        elif mark == TRANSFER_ENCODING:
            codings += [part.strip(b" \t").lower() for part in field.value.split(b",")]
        elif mark == CONNECTION:
            tokens += [part.strip(b" \t") for part in field.value.split(b",")]
        elif mark == UPGRADE:
            head.upgrades = True
        elif mark == EXPECT and isinstance(head, RequestHead):
            head.expects = field.value.lower() == b"100-continue"
        elif mark == TE:
            _keep_trailers(head)
    fault = _length(head, lengths, codings) if lengths or codings else None
    if fault is None:
        _connection(head, [token for token in tokens if token])
    return fault


def _length(head: Head, lengths: set[bytes], codings: list[bytes]) -> Fault | None:
    """Set the length that a message tells of its body."""
    if codings:
        if codings != [b"chunked"]:
            known = codings[-1] == b"chunked" and b"chunked" not in codings[:-1]
            return Fault(422 if known else 400, "a transfer coding that is not 'chunked'")
        head.length = CHUNKED
        if lengths:  # one of the two may be meant to deceive somebody: no next message is read here
            head.closes |= isinstance(head, RequestHead)
            head.remove(b"content-length")
        return None
    value = lengths.pop()
    if lengths or not value.isdigit() or len(value) > 19 or int(value) >= 1 << 63:
        return Fault(400, "a Content-Length that is no length")
    head.length = int(value)
    first = next(field for field in head.fields if field.mark == CONTENT_LENGTH)
    if first.value != value or sum(field.mark == CONTENT_LENGTH for field in head.fields) > 1:
        head.fields = [
            Field.of(b"content-length", value) if field is first else field
            for field in head.fields
            if field is first or field.mark != CONTENT_LENGTH
        ]
    return None


def _connection(head: Head, tokens: list[bytes]) -> None:
    """Take `close` and `keep-alive` for this hop; other tokens are passed on in one field each, as they came."""
    asked = {token.lower() for token in tokens}
    head.upgrades = head.upgrades and b"upgrade" in asked
    if not asked:
        return
    if b"close" in asked:
        head.closes = True
    elif b"keep-alive" in asked and not (isinstance(head, RequestHead) and head.length == CHUNKED and head.minor == 0):
        head.closes = False
    kept = []
    for field in head.fields:
        if field.mark != CONNECTION:
            kept.append(field)
            continue
        parts = [part.strip(b" \t") for part in field.value.split(b",")]
        rest = [part for part in parts if part and part.lower() not in (b"close", b"keep-alive")]
        if len(rest) == len(parts):
            kept.append(field)
        elif rest:
            kept.append(Field.of(b"connection", b", ".join(rest)))
    head.fields = kept


def _keep_trailers(head: Head) -> None:
    """Of TE nothing is passed on but that trailers are welcome."""
    wanted = any(b"trailers" in value.lower() for value in head.values(b"te"))
    head.fields = [
        Field.of(b"te", b"trailers") if field.mark == TE else field
        for field in head.fields
        if field.mark != TE or wanted
    ]
