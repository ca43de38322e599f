"""The first message of TLS, read without taking part: which host a client calls, and what it offers.

Sources: RFC 8446, sections 4.1.2, 4.2 and 5.1; RFC 6066, section 3 (the name); RFC 7301, section 3.1 (ALPN). The
message may be spread over records. What follows it is not looked at.
"""

from __future__ import annotations

from wproxy.records import dataclass

_HANDSHAKE = 0x16  # the record's type
_RECORD_HEAD = 5  # type, version in two bytes, length in two
_MESSAGE_HEAD = 4  # type, length in three bytes
_RECORD_MAX = 2**14 + 2048
_RECORDS_MAX = 64  # of one message: what comes byte by byte is read again with each byte
_CLIENT_HELLO = 1
_RANDOM_BYTES = 32
_SESSION_MAX = 32
_SERVER_NAME, _GROUPS, _ALPN, _TICKET = 0, 10, 16, 35
_HOST_NAME = 0


class HelloError(ValueError):
    """Bytes that do not begin with a message of a TLS handshake. Raised by `parse`; who asks takes it for an answer."""


@dataclass(frozen=True, slots=True)
class Hello:
    """What one message says; of another one than a client's hello only its type is known.

    `version` is the highest that clients named before TLS 1.3, major and minor as one number (3.3 is 0x30003).
    `ticket` is 0 without the extension of session tickets, 1 with an empty one, 2 with a ticket.
    """

    kind: int
    version: int | None = None
    server_name: str | None = None
    protocols: tuple[str, ...] = ()
    names_groups: bool = False
    ticket: int = 0


def parse(data: bytes) -> Hello | None:
    """Return the message with which `data` begins, None when it is not whole yet; raise HelloError."""
    message = _message(data)
    if message is None:
        return None
    kind, body = message
    return _client_hello(body) if kind == _CLIENT_HELLO else Hello(kind)


def _message(data: bytes) -> tuple[int, bytes] | None:
    """Return type and body of the first message, put together from its records; None when more has to come."""
    at = 0
    message = b""
    for _ in range(_RECORDS_MAX):
        if at < len(data) and data[at] != _HANDSHAKE:
            raise HelloError("no handshake")
        if at + 1 < len(data) and data[at + 1] != 3:
            raise HelloError("no version of TLS")
        if at + _RECORD_HEAD > len(data):
            return None
        length = int.from_bytes(data[at + 3 : at + _RECORD_HEAD], "big")
        if not 0 < length <= _RECORD_MAX:
            raise HelloError("a record of no possible length")
        at += _RECORD_HEAD
        message += data[at : at + length]
        if len(message) >= _MESSAGE_HEAD:
            end = _MESSAGE_HEAD + int.from_bytes(message[1:_MESSAGE_HEAD], "big")
            if len(message) >= end:
                return message[0], message[_MESSAGE_HEAD:end]
        at += length
    raise HelloError("a message in too many pieces")


class _Reader:
    """Takes the parts of a message one after the other."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether there is nothing more."""
        return self._at >= len(self._data)

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes; raise HelloError."""
        if self._at + size > len(self._data):
            raise HelloError("a part is longer than the whole")
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        """Return the next number, of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return the next bytes, in front of which their number stands in `size` bytes."""
        return self.take(self.number(size))


def _client_hello(body: bytes) -> Hello:
    reader = _Reader(body)
    major, minor = reader.number(1), reader.number(1)
    reader.take(_RANDOM_BYTES)
    if len(reader.vector(1)) > _SESSION_MAX:
        raise HelloError("a session's name is too long")
    if not reader.vector(2) or not reader.vector(1):
        raise HelloError("no ciphers or no compression methods")
    name: str | None = None
    protocols: tuple[str, ...] = ()
    groups, ticket = False, 0
    extensions = _Reader(b"" if reader.over else reader.vector(2))
    while not extensions.over:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME and name is None:
            name = _server_name(content)
        elif kind == _ALPN and not protocols:
            protocols = tuple(_protocols(content))
        elif kind == _TICKET:
            ticket = 2 if content else 1
        groups = groups or kind == _GROUPS
    return Hello(_CLIENT_HELLO, major << 16 | minor, name, protocols, groups, ticket)


def _server_name(content: bytes) -> str | None:
    """Return the first name of a host, one character per byte; None when there is none."""
    names = _Reader(_Reader(content).vector(2))
    while not names.over:
        kind, name = names.number(1), names.vector(2)
        if kind == _HOST_NAME:
            return name.decode("latin-1")
    return None


def _protocols(content: bytes) -> list[str]:
    names, found = _Reader(_Reader(content).vector(2)), []
    while not names.over:
        found.append(names.vector(1).decode("latin-1"))
    return found
