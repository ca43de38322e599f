"""Frames from a network interface: a packet socket that scapy opens and filters, read with `recvmsg`."""

from __future__ import annotations

import logging
import os
import select
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from capture.decode import LINK_ETHERNET, LINK_RAW
from capture.sources.scapy_quietly import quiet_scapy
from capture.sources.source import SNAP_BYTES, Block, SourceError, Statistics

if TYPE_CHECKING:
    from scapy.arch.linux import L2ListenSocket

RECEIVE_BUFFER_BYTES = 4 << 20  # scapy's own default holds 158 packets
BLOCK_FRAMES = 256

# From <linux/if_packet.h>, <linux/if_arp.h>, <asm-generic/socket.h>: Python's socket module has none of them.
_SOL_PACKET = 263
_PACKET_STATISTICS = 6
_PACKET_IGNORE_OUTGOING = 23
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_LINK_OF_HARDWARE = {1: LINK_ETHERNET, 772: LINK_ETHERNET, 65534: LINK_RAW}  # ARPHRD_ETHER, _LOOPBACK, _NONE

_TIMESPEC = struct.Struct("@ll")
_STATISTICS = struct.Struct("@II")
_CONTROL_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(20)  # a time, and scapy's tpacket_auxdata


_log = logging.getLogger("wproxy.capture")


class InterfaceSource:
    """The packets that arrive on `interface` and pass `pcap_filter`, each once, also on loopback."""

    def __init__(self, interface: str, pcap_filter: str) -> None:
        self._interface = interface
        self._scapy_socket = _open(interface, pcap_filter)
        self._socket: socket.socket = self._scapy_socket.ins
        try:
            self.link_type = _link_type(self._socket)
            self._configure()
        except (OSError, SourceError) as error:
            self.close()
            raise SourceError(f"interface '{interface}': {error}") from error
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def read(self, timeout_s: float) -> Block | None:
        """Return up to BLOCK_FRAMES frames, each cut to SNAP_BYTES; [] when none came in time or the link is down."""
        if not self._poll.poll(timeout_s * 1000):
            return []
        block: Block = []
        receive = self._socket.recvmsg
        try:
            for _ in range(BLOCK_FRAMES):
                frame, control, _, _ = receive(SNAP_BYTES, _CONTROL_BYTES)
                block.append((frame, _time_ns(control)))
        except BlockingIOError:
            pass
        except OSError as error:
            # Told once per change of the link: the socket stays bound and goes on when the link is up again.
            _log.warning("interface '%s': %s; going on when that changes", self._interface, error.strerror)
        return block

    def statistics(self) -> Statistics:
        """Return the kernel's counts since the last call: the kernel starts again at each reading."""
        packets, drops = _STATISTICS.unpack(self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size))
        return Statistics(packets, drops)

    def close(self) -> None:
        """Close the socket."""
        self._scapy_socket.close()

    def _configure(self) -> None:
        packet_socket = self._socket
        packet_socket.setsockopt(_SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)  # loopback shows every packet twice
        packet_socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            packet_socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:  # without CAP_NET_ADMIN the kernel's net.core.rmem_max is the bound
            packet_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        packet_socket.setblocking(False)
        # What came before all of this was set stands in the buffer without a time, or twice.
        while select.select([packet_socket], [], [], 0)[0]:
            packet_socket.recv(1)
        self.statistics()


def _open(interface: str, pcap_filter: str) -> L2ListenSocket:
    try:
        socket.if_nametoindex(interface)
    except OSError as error:
        known = ", ".join(name for _, name in socket.if_nameindex())
        raise SourceError(f"no interface '{interface}': this machine has {known}") from error
    with quiet_scapy():
        from scapy.arch.linux import L2ListenSocket
        from scapy.error import Scapy_Exception
    try:
        return L2ListenSocket(iface=interface, filter=pcap_filter, promisc=False)
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


def _link_type(packet_socket: socket.socket) -> int:
    hardware: int = packet_socket.getsockname()[3]
    try:
        return _LINK_OF_HARDWARE[hardware]
    except KeyError as error:
        raise SourceError(f"its hardware type {hardware} is neither Ethernet nor plain IP") from error


def _time_ns(control: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in control:
        if kind == _SO_TIMESTAMPNS and level == socket.SOL_SOCKET:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def _one_line(error: Any) -> str:  # noqa: ANN401 - any exception
    return " ".join(str(error).split())
