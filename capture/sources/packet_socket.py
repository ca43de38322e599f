"""The packet socket: scapy opens it and compiles its filter; here it gets the options that scapy has no words for.

    opened deaf ──▶ filter attached and locked ──▶ (a reader prepares it) ──▶ `start` ──▶ `mute` ──▶ `close`

"Deaf" is bound to a protocol that nobody speaks, so that no packet comes in before everything is set: what is counted
and what is read are the same packets, from the first to the last.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from capture.decode import LINK_ETHERNET, LINK_RAW
from capture.sources.program import (
    MOST_INSTRUCTIONS,
    Instruction,
    Programs,
    by_hardware_type,
    ethernet_program,
    packed,
    with_snap,
)
from capture.sources.scapy_quietly import quiet_scapy
from capture.sources.source import SNAP_BYTES, SourceError, Statistics
from capture.targets import Filters

if TYPE_CHECKING:
    from scapy.arch.linux import L2ListenSocket

ANY = "any"

# From <linux/if_packet.h>, <linux/if_arp.h>, <asm-generic/socket.h>: Python's socket module has none of them.
SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23
_SO_ATTACH_FILTER = 26
_SO_LOCK_FILTER = 44
_SIOCGIFFLAGS = 0x8913
_IFF_UP = 1
_ETH_P_ALL = 0x0003
_ETH_P_DEAF = 0x88B5  # IEEE's number for local experiments; the filter turns such a packet away besides

# ARPHRD_ETHER, _LOOPBACK; _TUNNEL, _TUNNEL6, _SIT, _NONE: what a frame begins with on such an interface.
LINK_OF_HARDWARE = {1: LINK_ETHERNET, 772: LINK_ETHERNET, 768: LINK_RAW, 769: LINK_RAW, 776: LINK_RAW, 65534: LINK_RAW}

_STATISTICS = struct.Struct("@II")
_REQUEST = struct.Struct("16sH22x")  # struct ifreq
_ADDRESS = struct.Struct("@HHiHBB8s")  # struct sockaddr_ll


class PacketSocket:
    """A packet socket on `interface`, or on all of them for "any"; each packet that arrives is seen once.

    `link_type` is what frames begin with; None when that differs from frame to frame.
    """

    def __init__(self, interface: str, filters: Filters) -> None:
        self.interface = interface
        self._scapy_socket = _open("lo" if interface == ANY else interface)
        self.socket: socket.socket = self._scapy_socket.ins
        self._index = 0
        try:
            hardware: int = self.socket.getsockname()[3]
            self.link_type = None if interface == ANY else _link_type(hardware)
            self._configure(_program(self.link_type, filters))
        except (OSError, SourceError) as error:
            self.close()
            raise SourceError(f"interface '{interface}': {_one_line(error)}") from error

    def start(self) -> None:
        """Let packets in."""
        self.statistics()
        self._bind(_ETH_P_ALL)

    def mute(self) -> None:
        """Let no more packets in; those that have come stay readable."""
        with contextlib.suppress(OSError):  # an interface that is gone lets none in anyway
            self._bind(_ETH_P_DEAF)

    def statistics(self) -> Statistics:
        """Return the kernel's counts since the last call: the kernel starts again at each reading."""
        packets, drops = _STATISTICS.unpack(self.socket.getsockopt(SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
        return Statistics(packets, drops)

    def take_error(self) -> int:
        """Return the number of the error that the socket was struck by, 0 for none, and forget it."""
        return self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def is_up(self) -> bool:
        """Tell whether the interface is there and up; one that was made anew under its name is bound to at once."""
        if self.interface == ANY:
            return True
        try:
            if socket.if_nametoindex(self.interface) != self._index:
                self._bind(_ETH_P_ALL)
            request = fcntl.ioctl(self.socket, _SIOCGIFFLAGS, _REQUEST.pack(self.interface.encode(), 0))
        except OSError:
            return False
        return bool(_REQUEST.unpack(request)[1] & _IFF_UP)

    def close(self) -> None:
        """Close the socket."""
        self._scapy_socket.close()

    def _configure(self, program: list[Instruction]) -> None:
        if len(program) > MOST_INSTRUCTIONS:
            raise SourceError(
                f"the filter for so many addresses has {len(program)} instructions, the kernel takes "
                f"{MOST_INSTRUCTIONS}: start several captures, or listen on 0.0.0.0 or [::]"
            )
        code = ctypes.create_string_buffer(packed(program))
        fprog = struct.pack("@HP", len(program), ctypes.addressof(code))
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, fprog)
        self.socket.setsockopt(socket.SOL_SOCKET, _SO_LOCK_FILTER, 1)
        self.socket.setsockopt(SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)  # loopback shows every packet twice
        self.socket.setblocking(False)

    def _bind(self, protocol: int) -> None:
        if self.interface != ANY:
            self.socket.bind((self.interface, protocol))
            self._index = socket.if_nametoindex(self.interface)
            return
        # Python's own `bind` wants an interface's name, and all of them together have none.
        address = _ADDRESS.pack(socket.AF_PACKET, socket.htons(protocol), 0, 0, 0, 0, b"")
        if ctypes.CDLL(None, use_errno=True).bind(self.socket.fileno(), address, len(address)):
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))


def _open(interface: str) -> L2ListenSocket:
    try:
        socket.if_nametoindex(interface)
    except OSError as error:
        known = ", ".join((*(name for _, name in socket.if_nameindex()), ANY))
        raise SourceError(f"no interface '{interface}': this machine has {known}") from error
    with quiet_scapy():
        from scapy.arch.linux import L2ListenSocket
        from scapy.error import Scapy_Exception
    try:
        return L2ListenSocket(iface=interface, type=_ETH_P_DEAF, promisc=False)
    except PermissionError as error:
        raise SourceError(_missing_capability()) from error
    except (OSError, ImportError, Scapy_Exception) as error:
        raise SourceError(f"interface '{interface}': {_one_line(error)}") from error


def _missing_capability() -> str:
    python = os.path.realpath(sys.executable)
    return (
        f"no permission to capture: run as root, grant it with 'setcap cap_net_raw+ep {python}', "
        "or read a file with --read FILE.pcap"
    )


def _link_type(hardware: int) -> int:
    try:
        return LINK_OF_HARDWARE[hardware]
    except KeyError as error:
        raise SourceError(f"its hardware type {hardware} is neither Ethernet nor plain IP") from error


def _program(link_type: int | None, filters: Filters) -> list[Instruction]:
    """Return the filter for frames of `link_type`; for None one that asks where each frame came from."""
    if link_type == LINK_RAW:
        return with_snap(_compiled(filters.untagged, LINK_RAW), SNAP_BYTES)
    ethernet = ethernet_program(
        Programs(
            _compiled(filters.plain_ipv4, LINK_ETHERNET) if filters.plain_ipv4 else None,
            _compiled(filters.plain_ipv6, LINK_ETHERNET) if filters.plain_ipv6 else None,
            _compiled(filters.tagged, LINK_ETHERNET),
        ),
        SNAP_BYTES,
    )
    if link_type == LINK_ETHERNET:
        return ethernet
    raw = with_snap(_compiled(filters.untagged, LINK_RAW), SNAP_BYTES)
    return by_hardware_type(((_hardware_of(LINK_ETHERNET), ethernet), (_hardware_of(LINK_RAW), raw)))


def _hardware_of(link_type: int) -> list[int]:
    return [hardware for hardware, link in LINK_OF_HARDWARE.items() if link == link_type]


def _compiled(expression: str, link_type: int) -> list[Instruction]:
    with quiet_scapy():
        from scapy.arch.common import compile_filter, free_filter
        from scapy.error import Scapy_Exception
    try:
        program = compile_filter(expression, linktype=link_type)
    except (OSError, ImportError, Scapy_Exception) as error:
        raise SourceError(_one_line(error)) from error
    try:
        instructions = (program.bf_insns[index] for index in range(program.bf_len))
        return [(one.code, one.jt, one.jf, one.k & 0xFFFFFFFF) for one in instructions]
    finally:
        free_filter(program)


def _one_line(error: Any) -> str:  # noqa: ANN401 - any exception
    return " ".join(str(error).split())
