"""Heads of requests and responses: read once, changed by rules, written once.

What is accepted is what HAProxy 2.6 accepts, except a NUL in a value, which it passes on and RFC 9110 (section 5.5)
calls dangerous. Most heads are a first line and a block of fields that are known already (`blocks.Blocks`). A head with
a line that is no field may still be one to HAProxy: with line feeds alone, folded lines, empty lines in front.
`_unfold` brings it into the plain form, and then it is read in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from wproxy.protocols.http1.blocks import CHUNKED, FIELDS_MAX, Block, Blocks, Fault
from wproxy.protocols.http1.fields import CONTENT_LENGTH, HOST, TOKEN, TRANSFER_ENCODING, Field

__all__ = ["CHUNKED", "Fault", "Head", "HeadParser", "RequestHead", "ResponseHead"]

_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb")[ \t]+([!-\"$-\x7f]+)[ \t]+HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/([0-9])\.([0-9])[ \t]+([1-9][0-9]{2,4})(?:[ \t]+([^\x00\r\n]*))?[ \t]*")
_REQUEST_BEGINS = re.compile(rb"(?:" + TOKEN + rb"(?:[ \t][ \t!-\"$-\x7f]*\r?)?)?")
_STATUS_BEGINS = re.compile(rb"(?:\r?\n)*(?:HTTP/|(?:\r|H(?:T(?:TP?)?)?)?\Z)")
_END = re.compile(rb"\n\r?\n")
_EMPTY_LINES = re.compile(rb"(?:\r?\n)*")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/]*).*", re.DOTALL)
_AUTHORITY = re.compile(rb"[^/?]+:[0-9]+")
_DEFAULT_PORTS = {
    b"": re.compile(rb":(?:80|443)?$"),  # CONNECT's
    b"http": re.compile(rb":(?:80)?$"),
    b"https": re.compile(rb":(?:443)?$"),
}
_NO_PORT = re.compile(rb"(?!)")
_KEY_LENGTH = 24  # of a WebSocket's key: 16 bytes in base 64 (RFC 6455, section 4.1)
_FIELD_SIZE = 4  # bytes that HAProxy needs for a field more than those that were sent
_REMEMBERED = 1024
_SLASH = 0x2F


class Head:
    """The fields of a message and what they say about its body and its connection.

    `length` is that of the body: None where no field tells one, CHUNKED. `closes` tells that the peer asked for, or by
    its version meant, the end of the connection after this message; `upgrades` that it asked for another protocol.
    `size` is how many bytes the head took. Names are in lower case.
    """

    __slots__ = ("closes", "fields", "length", "lines", "minor", "size", "upgrades")

    minor: int
    fields: Sequence[Field]  # never changed in place: all heads of the same block have the same
    lines: bytes | None  # the same as bytes; None when they have to be made of the fields
    size: int
    length: int | None
    closes: bool
    upgrades: bool

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of all fields `name`, in order."""
        return [field.value for field in self.fields if field.name == name]

    def add(self, name: bytes, value: bytes) -> None:
        """Add a field at the end."""
        self.append(Field.of(name, value))

    def append(self, *fields: Field) -> None:
        """Add `fields` at the end; what is there is not made anew."""
        self.fields = [*self.fields, *fields]
        if self.lines is not None:
            self.lines += b"".join([field.line for field in fields])

    def set(self, name: bytes, value: bytes) -> None:
        """Have one field `name` and no other."""
        self.replace([*(field for field in self.fields if field.name != name), Field.of(name, value)])

    def remove(self, name: bytes) -> None:
        """Remove all fields `name`."""
        self.replace([field for field in self.fields if field.name != name])

    def rewrite(self, change: Callable[[bytes, bytes], bytes | None]) -> None:
        """Give each field the value that `change` makes of its name and value; remove those of which it makes None."""
        fields, changed = [], False
        for field in self.fields:
            value = change(field.name, field.value)
            if value == field.value:
                fields.append(field)
                continue
            changed = True
            if value is not None:
                fields.append(Field.of(field.name, value))
        if changed:
            self.replace(fields)

    def replace(self, fields: Sequence[Field]) -> None:
        """Take `fields` in the place of those that are there."""
        self.fields = fields
        self.lines = None

    def joined(self) -> bytes:
        """Return the fields as lines."""
        return b"".join([field.line for field in self.fields]) if self.lines is None else self.lines


class RequestHead(Head):
    """The head of a request; `expects` tells that its client waits for a status 100 before it sends the body."""

    __slots__ = ("expects", "method", "target")

    def __init__(self, method: bytes, target: bytes, minor: int, block: Block, size: int) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.fields = block.fields
        self.lines = block.lines
        self.size = size
        self.length = block.length
        # Where two may understand different things by the end of the body, no next message is read.
        doubtful = block.twofold or (minor == 0 and block.length == CHUNKED)
        self.closes = doubtful or (minor == 0 if block.closes is None else block.closes)
        self.upgrades = block.upgrades
        self.expects = block.expects

    def to_bytes(self, more: bytes = b"") -> bytes:
        """Return the head to send; `more` are lines to add at its end."""
        return b"%b %b HTTP/1.%d\r\n%b%b\r\n" % (self.method, self.target, self.minor, self.joined(), more)


class ResponseHead(Head):
    """The head of a response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: bytes, minor: int, block: Block, size: int) -> None:
        self.status = status
        self.reason = reason
        self.minor = minor
        self.fields = block.fields
        self.lines = block.lines
        self.size = size
        self.length = block.length
        self.closes = block.twofold or (minor == 0 if block.closes is None else block.closes)
        self.upgrades = block.upgrades

    def unframe(self) -> None:
        """Leave out what tells the length of a body: there is none."""
        if self.length is not None:
            self.length = None
            self.replace([field for field in self.fields if not field.mark & (CONTENT_LENGTH | TRANSFER_ENCODING)])

    def to_bytes(self, more: bytes = b"") -> bytes:
        """Return the head to send; `more` are lines to add at its end."""
        return b"HTTP/1.%d %d %b\r\n%b%b\r\n" % (self.minor, self.status, self.reason, self.joined(), more)


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
    """Reads the heads of one process.

    `limit` is how long one may be, in bytes, with four more for each field; `fields_max` how many lines it may have.
    """

    __slots__ = ("_limit", "_request_blocks", "_requests", "_response_blocks", "_statuses", "_sure")

    def __init__(self, limit: int, fields_max: int = FIELDS_MAX) -> None:
        self._limit = limit
        self._sure = max(limit - _FIELD_SIZE * fields_max, 0)  # whatever is shorter is short enough
        self._request_blocks = Blocks(of_requests=True, fields_max=fields_max)
        self._response_blocks = Blocks(of_requests=False, fields_max=fields_max)
        self._requests = RequestLines()
        self._statuses = StatusLines()

    def request(self, data: bytes) -> RequestHead | Fault | None:
        """Return the head at the beginning of `data`, None while more must come."""
        end = data.find(b"\r\n\r\n")
        if 0 <= end < self._sure:
            line = data.find(b"\r\n")
            start = self._requests[data[:line]]
            if start is not None:
                block = self._request_blocks[data[line + 2 : end + 2]]
                if block is not None:
                    return _request(start, block, end + 4)
        head = self._unusual(data, self._request_blocks, 400)
        if not isinstance(head, tuple):
            return Fault(400, "no request line") if head is None and not self._may_begin(data) else head
        first, block, size = head
        start = self._requests[first]
        return Fault(400, "no request line") if start is None else _request(start, block, size)

    def _may_begin(self, data: bytes) -> bool:
        """Tell whether `data` may be the beginning of a request's head; who speaks TLS need not wait for a timeout."""
        data = data[_blank(data) :]
        if data in (b"", b"\r"):
            return True
        first, newline, _ = data.partition(b"\n")
        if newline:
            return self._requests[first.removesuffix(b"\r")] is not None
        return _REQUEST_BEGINS.fullmatch(data) is not None

    def response(self, data: bytes) -> ResponseHead | Fault | None:
        """Return the head at the beginning of `data`, None while more must come."""
        end = data.find(b"\r\n\r\n")
        if 0 <= end < self._sure:
            line = data.find(b"\r\n")
            start = self._statuses[data[:line]]
            if start is not None:
                block = self._response_blocks[data[line + 2 : end + 2]]
                if block is not None:
                    return _response(start, block, end + 4)
        head = self._unusual(data, self._response_blocks, 502)
        if not isinstance(head, tuple):
            begins = head is not None or _STATUS_BEGINS.match(data)
            return head if begins else Fault(502, "no status line")
        first, block, size = head
        start = self._statuses[first]
        return Fault(502, "no status line") if start is None else _response(start, block, size)

    def _unusual(self, data: bytes, blocks: Blocks, status: int) -> tuple[bytes, Block | Fault, int] | Fault | None:
        """Return first line, block and size of a head that is in no plain form, if it is one at all."""
        head = self._unfold(data)
        if head is None:
            return Fault(status, "head too long") if len(data) > self._limit else None
        if isinstance(head, Fault):
            return Fault(status, head.reason)
        first, lines, size = head
        block = blocks.read(lines)
        return first, Fault(status, "a header line that is none") if block is None else block, size

    def _unfold(self, data: bytes) -> tuple[bytes, list[bytes], int] | Fault | None:
        """Return first line, other lines and size of a head, with folded lines joined; None while more must come."""
        begin = _blank(data)
        end = _END.search(data, begin)
        if end is None or begin == len(data):
            return None
        first, *rest = data[begin : end.start()].split(b"\n")
        if end.end() - begin + _FIELD_SIZE * len(rest) > self._limit:
            return Fault(400, "head too long")
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


def _blank(data: bytes) -> int:
    """Return how many bytes of empty lines there are at the beginning."""
    match = _EMPTY_LINES.match(data)
    return 0 if match is None else match.end()


def _minor(major: bytes, minor: bytes) -> int:
    """Return 1 for 1.1 and whatever is newer, else 0."""
    return int((major, minor) >= (b"1", b"1"))


def _request(start: tuple[bytes, bytes, int], block: Block | Fault, size: int) -> RequestHead | Fault:
    if isinstance(block, Fault):
        return block
    method, target, minor = start
    head = RequestHead(method, target, minor, block, size)
    if head.upgrades and (fault := _check_upgrade(head)) is not None:
        return fault
    if target[0] == _SLASH and method != b"CONNECT":  # as most are
        return head
    return _check_target(head, block.host) or head


def _response(start: tuple[int, bytes, int], block: Block | Fault, size: int) -> ResponseHead | Fault:
    if isinstance(block, Fault):
        return Fault(502, block.reason)
    return ResponseHead(*start, block, size)


def _check_target(head: RequestHead, host: bytes | None) -> Fault | None:
    """Check a target that is no path."""
    if head.method == b"CONNECT":
        scheme, authority = b"", head.target
        if not _AUTHORITY.fullmatch(authority):
            return Fault(400, "CONNECT to something else than host and port")
        if head.length == CHUNKED:
            return Fault(400, "CONNECT with a body")
        if head.length is not None:
            head.length = None
            head.remove(b"content-length")
    elif head.target == b"*":
        return Fault(400, "HTTP/2 is not spoken here") if head.method == b"PRI" else None
    else:
        match = _ABSOLUTE.fullmatch(head.target)
        if match is None:
            return Fault(400, "a target that is neither path nor URI")
        scheme, authority = head.target.partition(b":")[0].lower(), match[1]
    port = _DEFAULT_PORTS.get(scheme, _NO_PORT)
    named = port.sub(b"", authority)
    if authority and host is not None and named.rpartition(b"@")[2].lower() != port.sub(b"", host).lower():
        return Fault(400, "target and Host that differ")
    if named != authority:
        # The port that goes without saying is not told on, as in HAProxy.
        if scheme:
            head.target = head.target.replace(authority, named, 1)
        if host is not None:
            head.replace([_portless(field, port) if field.mark == HOST else field for field in head.fields])
    return None


def _portless(field: Field, port: re.Pattern[bytes]) -> Field:
    return Field.of(field.name, port.sub(b"", field.value))


def _check_upgrade(head: RequestHead) -> Fault | None:
    """Check a request for another protocol; one with a body is passed on as one that asks for none, as in HAProxy."""
    to_websocket = b"websocket" in [value.lower() for value in head.values(b"upgrade")]
    if to_websocket and not any(len(key) == _KEY_LENGTH for key in head.values(b"sec-websocket-key")):
        return Fault(400, "a WebSocket without a key")
    if head.length:
        head.upgrades = False
        head.remove(b"upgrade")
    return None
