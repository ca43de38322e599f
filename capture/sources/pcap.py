"""Packets from a pcap or pcapng file, or from a pipe into which one is still being written."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

from capture.decode import LINK_RAW, LINK_TYPES
from capture.sieve import Haul, Sieve
from capture.sources.scapy_quietly import quiet_scapy
from capture.sources.source import SNAP_BYTES, SourceError, Statistics

MOST_AT_ONCE = 1000
_NS_PER_S = 1_000_000_000
_READ_BYTES = 1 << 16
_OTHER_RAW = frozenset((12, 14, 228, 229))  # more numbers for "starts with the IP header"


class _Starved(Exception):  # noqa: N818 - not an error: the writer has not got that far
    """The pipe holds no whole packet yet."""


class _Pipe:
    """A stream for scapy's reader that gives up when it would have to wait, and can then be read again.

    scapy asks for a packet in two pieces: when the second is not there yet, `rewind` gives the first back.
    """

    name = "pipe"

    def __init__(self, stream: BinaryIO) -> None:
        self._fd = stream.fileno()
        self._buffer = bytearray()
        self._offset = 0
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLIN)
        self.timeout_s = 0.0

    def read(self, size: int) -> bytes:
        while len(self._buffer) - self._offset < size:
            if not self._poll.poll(self.timeout_s * 1000):
                raise _Starved
            chunk = os.read(self._fd, _READ_BYTES)
            if not chunk:
                break
            self._buffer += chunk
        start = self._offset
        self._offset = min(start + size, len(self._buffer))
        return bytes(self._buffer[start : self._offset])

    def seek(self, _offset: int) -> None:
        """Refuse what scapy asks for when the first bytes are those of gzip."""
        raise SourceError("gzip cannot be read from a pipe: put zcat before it")

    def accept(self) -> None:
        """Let go of what was read up to here."""
        del self._buffer[: self._offset]
        self._offset = 0

    def rewind(self) -> None:
        """Read again from where `accept` was last called."""
        self._offset = 0


class PcapSource:
    """The packets of the pcap or pcapng file `path`, or of standard input for `-`; counts them itself.

    A regular file may be compressed with gzip.
    """

    def __init__(self, path: str, sieve: Sieve) -> None:
        self._name = "standard input" if path == "-" else path
        self._sieve = sieve
        self._stream = _open(path)
        self._pipe = None if stat.S_ISREG(os.fstat(self._stream.fileno()).st_mode) else _Pipe(self._stream)
        self._step: Callable[[], int] = self._open_reader
        self._reader: Any = None
        self._time_unit_ns = 1000
        self._link_type = 0
        self._packets = 0
        self._is_stopped = False
        if self._pipe is None:
            try:
                self._open_reader()
            except SourceError:
                self.close()
                raise

    def read(self, timeout_s: float) -> Haul | None:
        """Return what the next packets hold; nothing when the writer of the pipe paused for `timeout_s`."""
        if self._is_stopped:
            return None
        packets = 0
        try:
            while packets < MOST_AT_ONCE:
                if self._pipe is not None:
                    # Wait for the first packet only: what has come is handed on.
                    self._pipe.timeout_s = 0.0 if packets else timeout_s
                packets += self._step()
                if self._pipe is not None:
                    self._pipe.accept()
        except _Starved:
            if self._pipe is not None:
                self._pipe.rewind()
        except EOFError:
            if not packets:
                return None
        self._packets += packets
        return self._sieve.haul()

    def statistics(self) -> Statistics:
        """Return the packets read since the last call; a file drops none."""
        packets, self._packets = self._packets, 0
        return Statistics(packets, 0)

    def stop(self) -> None:
        """Read no further."""
        self._is_stopped = True

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._stream is not sys.stdin.buffer:
            self._stream.close()

    # The steps: each reads as much as can be read again when the pipe starves, and returns how many packets it took.

    def _open_reader(self) -> int:
        with quiet_scapy():
            from scapy.error import Scapy_Exception
            from scapy.utils import RawPcapNgReader, RawPcapReader
        try:
            reader = RawPcapReader(self._pipe or self._stream)  # type: ignore[arg-type]  # takes any stream
        except (Scapy_Exception, EOFError, OSError) as error:
            raise SourceError(f"{self._name}: not a pcap file") from error
        self._reader = reader
        if isinstance(reader, RawPcapNgReader):
            self._step = self._next_block
        else:
            self._link_type = _known_link_type(reader.linktype, self._name)
            self._time_unit_ns = 1 if reader.nano else 1000
            self._step = self._next_packet
        return 0

    def _next_packet(self) -> int:
        frame, metadata = self._reader._read_packet(SNAP_BYTES)  # its iterator has no size
        if metadata.caplen > len(frame) < SNAP_BYTES:
            raise EOFError  # the file ends within this packet
        self._sieve.frame(frame, metadata.sec * _NS_PER_S + metadata.usec * self._time_unit_ns, self._link_type)
        return 1

    def _next_block(self) -> int:
        """Take a block of a pcapng file, which may hold a packet."""
        packet = self._reader._read_block(SNAP_BYTES)
        if packet is None:
            return 0
        frame, metadata = packet
        ticks = 0 if metadata.tshigh is None else metadata.tshigh << 32 | metadata.tslow
        time_ns = ticks * _NS_PER_S // metadata.tsresol
        self._sieve.frame(frame, time_ns, _known_link_type(metadata.linktype, self._name))
        return 1


def _known_link_type(link_type: int, name: str) -> int:
    if link_type in _OTHER_RAW:
        return LINK_RAW
    if link_type not in LINK_TYPES:
        known = ", ".join(f"{name} ({number})" for number, name in LINK_TYPES.items())
        raise SourceError(f"{name}: link type {link_type} is none of {known}")
    return link_type


def _open(path: str) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        # A named pipe without a writer opens at once, so that a stop signal is noticed while one is waited for.
        return open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
