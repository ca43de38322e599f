"""The ring that kernel and capture share (TPACKET_V3, Documentation/networking/packet_mmap.rst).

    block │ header │ packet │ packet │ packet │ …      a block is the kernel's, until it is full or BLOCK_MS old;
    block │ header │ packet │ …                        then it is ours, until we give it back
    packet: 48 bytes of header with time and lengths │ address of the interface │ frame

Plain packets stand at equal distances, because the filter cuts them to equal lengths (`sources.program`). Runs of them
are copied out column by column: one slice of a memoryview for each field, instead of some calls for each packet. All
others are decoded one by one.
"""

from __future__ import annotations

import mmap
import socket
import struct
import sys
from typing import NamedTuple

from capture.decode import LINK_RAW
from capture.runs import IPv4Run, IPv6Run, Names, Run, Times
from capture.sieve import Sieve
from capture.sources.packet_socket import LINK_OF_HARDWARE, SOL_PACKET
from capture.sources.program import ETHERNET_HEADER, IPV4_SNAP, IPV6_SNAP

BLOCK_BYTES = 1 << 18
BLOCKS = 128  # 32 MiB: 240,000 plain packets, a quarter of a second at a million packets/s
BLOCK_MS = 50  # how long a packet may wait for its block to fill; at low rates the ring lasts BLOCKS times that

_PACKET_RX_RING, _PACKET_VERSION, _TPACKET_V3 = 5, 10, 2
_REQUEST = struct.Struct("@7I")
_FRAME_BYTES = 2048  # of no consequence in this version, but checked

# Offsets in a block and in a packet, in bytes (<linux/if_packet.h>).
_STATUS, _COUNT, _FIRST = 8, 12, 16
_NEXT, _SECONDS, _NANOSECONDS, _LENGTH, _FRAME_AT, _HARDWARE = 0, 4, 8, 12, 24, 56
_HEADER = struct.Struct("@4I8xHH")  # next, seconds, nanoseconds, captured length; where the frame and its IP begin
_NETWORK = 96  # where the IP header of every packet stands
_FRAME = _NETWORK - ETHERNET_HEADER  # where the frame of an Ethernet packet begins
_FRAME_IS_ETHERNET = struct.pack("@HH", _FRAME, _NETWORK)
_TYPE = _NETWORK - 2
_KERNEL, _USER = 0, 1

_SHORTEST_RUN = 4  # below that, columns cost more than single packets
_PAUSE = 8  # packets taken singly before another run is looked for
_NS_PER_S = 1_000_000_000


class _Mark(NamedTuple):
    """A column that is the same in all packets of a run: where it is, and what stands there."""

    offset: int
    value: bytes


class _Layout(NamedTuple):
    """A kind of plain packet: the distance from one to the next, and by what it is known."""

    distance: int
    marks: tuple[_Mark, ...]


def _layout(snap: int, *marks: _Mark) -> _Layout:
    distance = (_FRAME + snap + 7) // 8 * 8
    return _Layout(distance, (_Mark(_FRAME_AT, _FRAME_IS_ETHERNET), *marks))


_IPV4_TYPE, _IPV6_TYPE = b"\x08\x00", b"\x86\xdd"
# Where these stand, the filter has looked at all the rest.
_IPV4 = _layout(IPV4_SNAP, _Mark(_TYPE, _IPV4_TYPE), _Mark(_NETWORK, b"\x45"))
_IPV6 = _layout(IPV6_SNAP, _Mark(_TYPE, _IPV6_TYPE), _Mark(_NETWORK + 6, b"\x06"))


class RingRefused(Exception):  # noqa: N818 - a condition, for which there is another way
    """The kernel gives this socket no ring. Raised by `Ring`, caught by `InterfaceSource`."""


class Ring:
    """The ring of one packet socket; `link_type` None takes each packet's from the interface it came from."""

    def __init__(self, packet_socket: socket.socket, link_type: int | None, sieve: Sieve) -> None:
        self._link_type = link_type
        self._sieve = sieve
        self._names = Names()
        try:
            packet_socket.setsockopt(SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
            frames = BLOCKS * BLOCK_BYTES // _FRAME_BYTES
            request = _REQUEST.pack(BLOCK_BYTES, BLOCKS, _FRAME_BYTES, frames, BLOCK_MS, 0, 0)
            packet_socket.setsockopt(SOL_PACKET, _PACKET_RX_RING, request)
            self._map = mmap.mmap(packet_socket.fileno(), BLOCKS * BLOCK_BYTES)
        except (OSError, ValueError) as error:
            raise RingRefused(str(error)) from error
        self._bytes = whole = memoryview(self._map)
        # The same memory by the size of what is read: index = offset ÷ size.
        self._views = {1: whole, 2: whole.cast("H"), 4: whole.cast("I"), 8: whole.cast("Q")}
        self._words = self._views[4]
        self._block = 0

    def take(self) -> int:
        """Put the packets of the next block, if it is ours, into the sieve; return how many they were."""
        base = self._block * BLOCK_BYTES
        words = self._words
        if not words[(base + _STATUS) // 4] & _USER:
            return 0
        count = words[(base + _COUNT) // 4]
        self._take_packets(base + words[(base + _FIRST) // 4], count, base + BLOCK_BYTES)
        words[(base + _STATUS) // 4] = _KERNEL
        self._block = (self._block + 1) % BLOCKS
        return count

    def take_error(self) -> int:
        """Return 0: reading memory meets no error."""
        return 0

    def close(self) -> None:
        """Give the memory back; may be called again."""
        for view in self._views.values():
            view.release()
        self._map.close()

    def _take_packets(self, position: int, count: int, end: int) -> None:
        words, singles = self._words, 0
        while count:
            run = self._run(position, count, end) if singles == 0 else None
            if run is None:
                singles = singles or min(_PAUSE, count)
                self._take_single(position)
                position += words[position // 4]
                singles, count = singles - 1, count - 1
                continue
            self._sieve.run(run)
            taken = len(run)
            last = position + (taken - 1) * self._distance(position)
            position, count = last + words[last // 4], count - taken

    def _distance(self, position: int) -> int:
        layout = self._layout_at(position)
        return layout.distance if layout is not None else 0

    def _layout_at(self, position: int) -> _Layout | None:
        kind = self._bytes[position + _TYPE : position + _NETWORK]
        if kind == _IPV4_TYPE:
            return _IPV4
        return _IPV6 if kind == _IPV6_TYPE else None

    def _run(self, position: int, count: int, end: int) -> Run | None:
        """Return the run of plain packets that begins at `position`; None when it is too short to be one."""
        layout = self._layout_at(position)
        if layout is None:
            return None
        length = self._run_length(layout, position, min(count, (end - position) // layout.distance))
        if length < _SHORTEST_RUN:
            return None

        def column(offset: int, size: int) -> bytes:
            return self._column(position + offset, size, layout.distance, length)

        times = Times(column(_SECONDS, 4), column(_NANOSECONDS, 4))
        if layout is _IPV4:
            at = _NETWORK + 12
            return IPv4Run(self._names, times, column(at, 4), column(at + 4, 4), column(at + 8, 4))
        at = _NETWORK + 8
        source, destination = (column(at, 8), column(at + 8, 8)), (column(at + 16, 8), column(at + 24, 8))
        return IPv6Run(self._names, times, source, destination, column(at + 32, 4))

    def _run_length(self, layout: _Layout, position: int, most: int) -> int:
        """Return how many packets from `position` on are of this layout; behind them any bytes may stand."""
        if most == 0:
            return 0
        # The last packet of a run is at the right distance from the one before it, whatever follows it.
        distance = layout.distance.to_bytes(4, sys.byteorder)
        length = min(_alike(self._column(position + _NEXT, 4, layout.distance, most), distance) + 1, most)
        for offset, value in layout.marks:
            found = self._column(position + offset, len(value), layout.distance, length)
            length = min(length, _alike(found, value))
        return length

    def _column(self, offset: int, size: int, distance: int, length: int) -> bytes:
        first, step = offset // size, distance // size
        return self._views[size][first : first + (length - 1) * step + 1 : step].tobytes()

    def _take_single(self, position: int) -> None:
        _, seconds, nanoseconds, length, frame_at, _ = _HEADER.unpack_from(self._bytes, position)
        link_type = self._link_type
        if link_type is None:
            hardware = self._views[2][(position + _HARDWARE) // 2]
            link_type = LINK_OF_HARDWARE.get(hardware, LINK_RAW)
        start = position + frame_at
        time_ns = seconds * _NS_PER_S + nanoseconds
        self._sieve.frame(bytes(self._bytes[start : start + length]), time_ns, link_type)


def _alike(column: bytes, value: bytes) -> int:
    """Return how many items of `column` from the first on are `value`."""
    size = len(value)
    alike, unknown = 0, len(column) // size
    if column == value * unknown:
        return unknown
    while unknown > 1:  # the first `alike` are, and the first that is not is among the next `unknown`
        half = unknown // 2
        if column[alike * size : (alike + half) * size] == value * half:
            alike, unknown = alike + half, unknown - half
        else:
            unknown = half
    return alike
