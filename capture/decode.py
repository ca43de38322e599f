"""From the bytes of one frame to an observation: Ethernet with VLAN tags, IPv4 with options, IPv6 with extensions.

Pure, on `struct` alone. Only the outermost IP packet counts: what is inside a tunnel was not sent to our port. A first
fragment holds the ports and is observed, later ones hold none. A frame may be cut short by the snap length; the ports
must be there.
"""

from __future__ import annotations

import enum
from socket import AF_INET, AF_INET6, inet_ntop
from struct import Struct

from capture.messages import Observation

# Link types: https://www.tcpdump.org/linktypes.html
LINK_ETHERNET = 1
LINK_RAW = 101
LINK_LINUX_SLL = 113
LINK_LINUX_SLL2 = 276
LINK_TYPES = {LINK_ETHERNET: "Ethernet", LINK_RAW: "raw IP", LINK_LINUX_SLL: "SLL", LINK_LINUX_SLL2: "SLL2"}

# Link type -> offset of the EtherType, offset of what follows it.
_ETHERTYPE_AT = {LINK_ETHERNET: (12, 14), LINK_LINUX_SLL: (14, 16), LINK_LINUX_SLL2: (0, 20)}
_VLAN_TAGS = frozenset((0x8100, 0x88A8, 0x9100))
_IPV4, _IPV6 = 0x0800, 0x86DD

_TCP = 6
_TCP_HEADER = 20
_FLAGS_AT = 13
_SYN, _SYN_ACK = 0x02, 0x12
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60

_SHORT = Struct("!H")
_SHORTS = Struct("!HH")
_IPV4_HEADER = Struct("!BxHxxHxBxx4s4s")
_IPV6_HEADER = Struct("!BxxxHBx16s16s")
_OPTION_HEADER = Struct("!BBH")


class Reason(enum.Enum):
    """Why a frame is no observation."""

    TRUNCATED = "cut short before the ports"
    NOT_IP = "not IP"
    NOT_TCP = "not TCP"
    LATER_FRAGMENT = "a later fragment"
    MALFORMED = "malformed"
    NOT_SYN = "does not open a connection"


def decode(
    frame: bytes, time_ns: int, link_type: int = LINK_ETHERNET, *, syn_only: bool = False
) -> Observation | Reason:
    """Return what `frame`, of one of LINK_TYPES, says about who sent a TCP packet to whom; else why it says nothing.

    With `syn_only` a packet that does not open a connection (SYN without ACK) says nothing.
    """
    ethertype, offset = _network(frame, link_type)
    if ethertype == _IPV4:
        return _ipv4(frame, offset, time_ns, syn_only)
    if ethertype == _IPV6:
        return _ipv6(frame, offset, time_ns, syn_only)
    return Reason.TRUNCATED if ethertype is None else Reason.NOT_IP


def _network(frame: bytes, link_type: int) -> tuple[int | None, int]:
    """Return EtherType and offset of the network header; None when the frame ends before it."""
    if link_type == LINK_RAW:
        version = frame[0] >> 4 if frame else None
        return (None if version is None else {4: _IPV4, 6: _IPV6}.get(version, 0)), 0
    at, offset = _ETHERTYPE_AT[link_type]
    end = len(frame)
    while end >= offset:
        (ethertype,) = _SHORT.unpack_from(frame, at)
        if ethertype not in _VLAN_TAGS:
            return ethertype, offset
        at, offset = offset + 2, offset + 4
    return None, offset


def _ipv4(frame: bytes, offset: int, time_ns: int, syn_only: bool) -> Observation | Reason:
    if len(frame) < offset + _IPV4_HEADER.size:
        return Reason.TRUNCATED
    first, length, fragment, protocol, source, destination = _IPV4_HEADER.unpack_from(frame, offset)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < _IPV4_HEADER.size:
        return Reason.MALFORMED
    if fragment & 0x1FFF:
        return Reason.LATER_FRAGMENT
    if protocol != _TCP:
        return Reason.NOT_TCP
    # A length of 0 is what the sender's own machine shows of a segment that its network card is to cut up.
    if length and length < header + _TCP_HEADER:
        return Reason.MALFORMED
    ports = offset + header
    if (refusal := _refusal(frame, ports, syn_only)) is not None:
        return refusal
    source_port, destination_port = _SHORTS.unpack_from(frame, ports)
    return Observation(
        inet_ntop(AF_INET, source), inet_ntop(AF_INET, destination), source_port, destination_port, time_ns
    )


def _ipv6(frame: bytes, offset: int, time_ns: int, syn_only: bool) -> Observation | Reason:
    if len(frame) < offset + _IPV6_HEADER.size:
        return Reason.TRUNCATED
    first, length, following, source, destination = _IPV6_HEADER.unpack_from(frame, offset)
    if first >> 4 != 6:
        return Reason.MALFORMED
    ports = _after_extensions(frame, offset + _IPV6_HEADER.size, following)
    if isinstance(ports, Reason):
        return ports
    # A length of 0 is a jumbogram, or a segment that is to be cut up.
    if length and offset + _IPV6_HEADER.size + length < ports + _TCP_HEADER:
        return Reason.MALFORMED
    if (refusal := _refusal(frame, ports, syn_only)) is not None:
        return refusal
    source_port, destination_port = _SHORTS.unpack_from(frame, ports)
    return Observation(
        inet_ntop(AF_INET6, source), inet_ntop(AF_INET6, destination), source_port, destination_port, time_ns
    )


def _refusal(frame: bytes, ports: int, syn_only: bool) -> Reason | None:
    """Return why the TCP header that begins at `ports` is not taken."""
    if len(frame) < ports + (_FLAGS_AT + 1 if syn_only else _SHORTS.size):
        return Reason.TRUNCATED
    return Reason.NOT_SYN if syn_only and frame[ports + _FLAGS_AT] & _SYN_ACK != _SYN else None


def _after_extensions(frame: bytes, offset: int, following: int) -> int | Reason:
    """Return where the TCP header begins behind the extension headers (RFC 8200, section 4)."""
    while following != _TCP:
        if following not in (_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION):
            return Reason.NOT_TCP
        if len(frame) < offset + _OPTION_HEADER.size:
            return Reason.TRUNCATED
        this, (following, units, fragment) = following, _OPTION_HEADER.unpack_from(frame, offset)
        match this:
            case 44:
                if fragment & 0xFFF8:
                    return Reason.LATER_FRAGMENT
                offset += 8
            case 51:  # counted in 4 bytes, less 2 (RFC 4302, section 2.2)
                offset += (units + 2) * 4
            case _:
                offset += (units + 1) * 8
    return offset
