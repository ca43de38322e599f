"""The PROXY protocol, versions 1 and 2: who the client of a connection is, told in front of its bytes.

Source: HAProxy's proxy-protocol.txt, sections 2.1 and 2.2. A receiver is strict: whoever may send the header is trusted
with the client's address, so what is not exactly a header is an error, never a guess.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from wproxy.protocols.crc32c import crc32c

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_V1 = b"PROXY "
_V1_MAX = 107  # with its CRLF
_V2_FIXED = 16
_V2_MAX = 16 * 1024  # HAProxy's tune.bufsize, which bounds its headers too
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")
_MAPPED = bytes(10) + b"\xff\xff"
_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED, _TCP4, _TCP6 = 0x00, 0x11, 0x21
_ADDRESS_BYTES = {_TCP4: 4, _TCP6: 16}
_TLV_HEAD = 3  # type, and length in two bytes
_CRC32C, _CRC32C_BYTES = 0x03, 4


class Endpoint(NamedTuple):
    """One end of a connection: packed address of 4 or 16 bytes, port."""

    address: bytes
    port: int

    @property
    def host(self) -> str:
        """The address as text."""
        return _text(self.address)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Ends(NamedTuple):
    """Both ends of a client's connection; None where they are no IP addresses (unix sockets)."""

    source: Endpoint | None = None
    destination: Endpoint | None = None


class Header(NamedTuple):
    """A header that was read: `size` bytes long; without `ends` the connection's own addresses hold."""

    size: int
    ends: Ends | None


class HeaderError(ValueError):
    """Bytes that are no PROXY header. Raised by `parse`; whoever reads the connection closes it."""


def parse(data: bytes) -> Header | None:
    """Return the header with which `data` begins, None while it is not complete; raise HeaderError.

    A header is never waited for in vain: the first byte that cannot be part of one raises.
    """
    if data.startswith(_V1):
        return _parse_v1(data)
    if data.startswith(_SIGNATURE):
        return _parse_v2(data)
    if _V1.startswith(data) or _SIGNATURE.startswith(data):
        return None
    raise HeaderError("something which does not look like a PROXY protocol header")


def _parse_v1(data: bytes) -> Header | None:
    end = data.find(b"\r\n", 0, _V1_MAX)
    if end < 0:
        if len(data) >= _V1_MAX:
            raise HeaderError("a PROXY protocol line without end")
        return None
    try:
        fields = data[:end].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise HeaderError("a PROXY protocol line that is not ASCII") from None
    if fields[1] == "UNKNOWN":
        return Header(end + 2, None)
    if len(fields) != 6 or fields[1] not in ("TCP4", "TCP6"):
        raise HeaderError("a malformed PROXY protocol line")
    source, destination = fields[2:4]
    ports = fields[4:6]
    return Header(end + 2, Ends(_endpoint(fields[1], source, ports[0]), _endpoint(fields[1], destination, ports[1])))


def _endpoint(family: str, address: str, port: str) -> Endpoint:
    if "%" in address:  # a zone means something on the sender's host only
        raise HeaderError(f"an invalid {family} address in a PROXY protocol line")
    try:
        packed = IPv4Address(address).packed if family == "TCP4" else IPv6Address(address).packed
    except ValueError:
        raise HeaderError(f"an invalid {family} address in a PROXY protocol line") from None
    if not _PORT.fullmatch(port) or int(port) > 0xFFFF:
        raise HeaderError("an invalid port in a PROXY protocol line")
    return Endpoint(packed, int(port))


def _parse_v2(data: bytes) -> Header | None:
    if len(data) < _V2_FIXED:
        return None
    command, family, length = data[12], data[13], int.from_bytes(data[14:16], "big")
    size = _V2_FIXED + length
    if command not in (_LOCAL, _PROXY):
        raise HeaderError("a PROXY protocol header of an unknown version or command")
    if size > _V2_MAX:
        raise HeaderError("a PROXY protocol header that is too long")
    if len(data) < size:
        return None
    width = _ADDRESS_BYTES.get(family)
    if command == _LOCAL:
        return Header(size, None)  # a check of the sender's own
    if width is None:
        raise HeaderError("a PROXY protocol header that tells no TCP connection")  # HAProxy refuses these, too
    if length < 2 * width + 4:
        raise HeaderError("a PROXY protocol header whose addresses do not fit")
    _check_additions(data[:size], _V2_FIXED + 2 * width + 4)
    return Header(size, _addresses(data[_V2_FIXED:], width))


def _check_additions(header: bytes, at: int) -> None:
    """Walk through the TLVs that begin at `at` (section 2.2); nothing in them is used but the checksum."""
    while at < len(header):
        value = at + _TLV_HEAD
        following = value + int.from_bytes(header[at + 1 : value], "big")
        if value > len(header) or following > len(header):
            raise HeaderError("a PROXY protocol header whose additions do not fit")
        if header[at] == _CRC32C:
            told = header[value:following]
            blank = header[:value] + bytes(len(told)) + header[following:]
            if len(told) != _CRC32C_BYTES or int.from_bytes(told, "big") != crc32c(blank):
                raise HeaderError("a PROXY protocol header with a wrong checksum")
        at = following


def _addresses(block: bytes, width: int) -> Ends:
    """Return the ends that the block of addresses names."""
    ports = 2 * width
    source_port = int.from_bytes(block[ports : ports + 2], "big")
    destination_port = int.from_bytes(block[ports + 2 : ports + 4], "big")
    return Ends(Endpoint(block[:width], source_port), Endpoint(block[width:ports], destination_port))


def version_1(ends: Ends) -> bytes:
    """Return the line that tells `ends`; both are sent as IPv6 when they are of two families, as HAProxy does."""
    source, destination = ends
    if source is None or destination is None:
        return b"PROXY UNKNOWN\r\n"
    family = "TCP4" if len(source.address) == len(destination.address) == 4 else "TCP6"
    first, second = (source.address, destination.address) if family == "TCP4" else _both_long(source, destination)
    text = f"PROXY {family} {_text(first)} {_text(second)} {source.port} {destination.port}\r\n"
    return text.encode("ascii")


def version_2(ends: Ends) -> bytes:
    """Return the binary header that tells `ends`."""
    source, destination = ends
    if source is None or destination is None:
        return _SIGNATURE + bytes((_LOCAL, _UNSPECIFIED)) + bytes(2)
    same = len(source.address) == len(destination.address) == 4
    first, second = (source.address, destination.address) if same else _both_long(source, destination)
    family = _TCP4 if same else _TCP6
    block = first + second + source.port.to_bytes(2, "big") + destination.port.to_bytes(2, "big")
    return _SIGNATURE + bytes((_PROXY, family)) + len(block).to_bytes(2, "big") + block


WRITERS = {1: version_1, 2: version_2}


def _both_long(source: Endpoint, destination: Endpoint) -> tuple[bytes, bytes]:
    return _long(source.address), _long(destination.address)


def _long(address: bytes) -> bytes:
    return _MAPPED + address if len(address) == 4 else address


def _text(address: bytes) -> str:
    """Return an address as inet_ntop writes it: one that is mapped into IPv6 keeps its dots."""
    if len(address) == 16 and address.startswith(_MAPPED):
        return f"::ffff:{ip_address(address[12:])}"
    return str(ip_address(address))
