"""Packets read one by one with `recvmsg`, where the kernel gives no ring."""

from __future__ import annotations

import socket
import struct

from capture.decode import LINK_RAW
from capture.sieve import Sieve
from capture.sources.packet_socket import LINK_OF_HARDWARE
from capture.sources.source import SNAP_BYTES

RECEIVE_BUFFER_BYTES = 4 << 20  # scapy's own default holds 158 packets
MOST_AT_ONCE = 256

_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_TIMESPEC = struct.Struct("@ll")
_CONTROL_BYTES = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(20)  # a time, and scapy's tpacket_auxdata


class Datagrams:
    """The packets of one packet socket; `link_type` None takes each packet's from the interface it came from."""

    def __init__(self, packet_socket: socket.socket, link_type: int | None, sieve: Sieve) -> None:
        self._socket = packet_socket
        self._link_type = link_type
        self._sieve = sieve
        self._error = 0
        packet_socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            packet_socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
        except PermissionError:  # without CAP_NET_ADMIN the kernel's net.core.rmem_max is the bound
            packet_socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def take(self) -> int:
        """Put what has come into the sieve, MOST_AT_ONCE packets at most; return how many they were."""
        receive, link_type = self._socket.recvmsg, self._link_type
        for taken in range(MOST_AT_ONCE):
            try:
                frame, control, _, sender = receive(SNAP_BYTES, _CONTROL_BYTES)
            except BlockingIOError:
                return taken
            except OSError as error:  # the link's: told once, here or by the socket's option
                self._error = error.errno or 0
                return taken
            known = link_type if link_type is not None else LINK_OF_HARDWARE.get(sender[3], LINK_RAW)
            self._sieve.frame(frame, _time_ns(control), known)
        return MOST_AT_ONCE

    def take_error(self) -> int:
        """Return the number of the error that reading met, 0 for none, and forget it."""
        error, self._error = self._error, 0
        return error

    def close(self) -> None:
        """Hold nothing."""


def _time_ns(control: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in control:
        if kind == _SO_TIMESTAMPNS and level == socket.SOL_SOCKET:
            seconds, nanoseconds = _TIMESPEC.unpack(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0
