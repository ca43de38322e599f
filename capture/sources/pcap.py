"""Frames from a pcap file, or from a pipe into which one is still being written."""

from __future__ import annotations

import os
import select
import stat
import sys
from typing import Any, BinaryIO

from capture.decode import LINK_RAW, LINK_TYPES
from capture.sources.scapy_quietly import quiet_scapy
from capture.sources.source import SNAP_BYTES, Block, SourceError, Statistics

BLOCK_FRAMES = 1000
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
    """The packets of the pcap file `path`, or of standard input for `-`; counts them itself.

    A regular file may be compressed with gzip.
    """

    def __init__(self, path: str) -> None:
        self._name = "standard input" if path == "-" else path
        self._stream = _open(path)
        self._pipe = None if stat.S_ISREG(os.fstat(self._stream.fileno()).st_mode) else _Pipe(self._stream)
        self._reader: Any = None
        self._time_unit_ns = 1000
        self._packets = 0
        self.link_type = 0
        if self._pipe is None:
            try:
                self._open_reader()
            except SourceError:
                self.close()
                raise

    def read(self, timeout_s: float) -> Block | None:
        """Return up to BLOCK_FRAMES frames; [] when the writer of the pipe paused for `timeout_s`; None at the end."""
        block: Block = []
        try:
            while len(block) < BLOCK_FRAMES:
                if self._pipe is not None:
                    # Wait for the first packet of a block only: what has come is handed on.
                    self._pipe.timeout_s = 0.0 if block else timeout_s
                self._step(block)
        except _Starved:
            if self._pipe is not None:
                self._pipe.rewind()
        except EOFError:
            if not block:
                return None
        self._packets += len(block)
        return block

    def statistics(self) -> Statistics:
        """Return the packets read since the last call; a file drops none."""
        packets, self._packets = self._packets, 0
        return Statistics(packets, 0)

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._stream is not sys.stdin.buffer:
            self._stream.close()

    def _step(self, block: Block) -> None:
        if self._reader is None:
            self._open_reader()
        else:
            frame, metadata = self._reader._read_packet(SNAP_BYTES)  # its iterator has no size
            if metadata.caplen > len(frame) < SNAP_BYTES:
                raise EOFError  # the file ends within this packet
            block.append((frame, metadata.sec * 1_000_000_000 + metadata.usec * self._time_unit_ns))
        if self._pipe is not None:
            self._pipe.accept()

    def _open_reader(self) -> None:
        with quiet_scapy():
            from scapy.error import Scapy_Exception
            from scapy.utils import RawPcapNgReader, RawPcapReader
        try:
            reader = RawPcapReader(self._pipe or self._stream)  # type: ignore[arg-type]  # takes any stream
        except (Scapy_Exception, EOFError, OSError) as error:
            raise SourceError(f"{self._name}: not a pcap file") from error
        if isinstance(reader, RawPcapNgReader):
            raise SourceError(f"{self._name}: pcapng is not read here: convert it with editcap -F pcap")
        self.link_type = _known_link_type(reader.linktype, self._name)
        self._time_unit_ns = 1 if reader.nano else 1000
        self._reader = reader


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
