"""The queue on disk: records in segment files, appended by one process and read by one, each perhaps another.

    0000000000000001.seg   length │ crc32 │ payload │ length │ crc32 │ payload …
    0000000000000002.seg   a segment is closed, and never written again, once a later one exists
    committed              segment and offset up to which the reader is done, in two slots written in turn
    writer.lock reader.lock

Rules. A record is readable only whole and with the right checksum, so a crash at any byte costs at most the record
being written: the reader counts it as torn and goes on with the next segment. A writer never continues an old
segment. A commit is written in place, so that it needs no room on a full disk: it is what makes room. What is read and
not committed comes again after a reopen. A segment is deleted when it is closed and all of it is committed; what all
segments weigh together is bounded.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DEFAULT_LIMIT_BYTES = 1 << 30
DEFAULT_SEGMENT_BYTES = 16 << 20
LARGEST_RECORD_BYTES = 16 << 20  # what a reader takes memory for, whatever a damaged length says

_FRAME = struct.Struct("<II")  # length of the payload, CRC-32 of the length and the payload
_LENGTH = struct.Struct("<I")
_COMMITTED = "committed"
_SLOT = struct.Struct("<QQQI")  # number of the commit, segment, offset, CRC-32 of the three
_SLOTS = (0, 512)  # offsets: in different sectors, so that a torn write leaves the other one whole
_COMMITTED_BYTES = _SLOTS[-1] + _SLOT.size


class SpoolError(Exception):
    """A spool that cannot be used: its text says which folder and why. Caught by the programs, printed as one line."""


class SpoolFull(SpoolError):  # noqa: N818 - a condition that the caller waits out, not a fault
    """The bound in bytes is reached or the disk is full: nothing was appended. Raised by `SpoolWriter.append`."""


class SpoolBusy(SpoolError):  # noqa: N818
    """Another process holds this side of the spool. Raised when a reader or a writer is opened."""


class Position(NamedTuple):
    """A place in the spool: the end of a record, or the start of a segment."""

    segment: int
    offset: int


class Record(NamedTuple):
    """One payload and the position that commits it and everything before it."""

    payload: bytes
    position: Position


class SpoolWriter:
    """Appends records to the spool in `folder`, which is made when it is missing. One writer at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        segment_bytes: int = DEFAULT_SEGMENT_BYTES,
    ) -> None:
        self.folder = self._folder = folder
        self._limit_bytes = limit_bytes
        # At least four segments, so that a full spool has closed ones for the reader to give back.
        self._segment_bytes = min(segment_bytes, max(limit_bytes // 4, 1))
        self._fd = -1
        self._lock_fd = _lock(folder, "writer.lock")
        try:
            _make_committed(folder)
            newest = max([*_segments(folder), _read_committed(folder).segment])
            self._used_bytes = _weight(folder)
            self._open_segment(newest + 1)
        except OSError as error:
            self.close()
            raise _unusable(folder, error) from error

    def append(self, payload: bytes) -> None:
        """Add one record; it is on the disk when this returns. Raises SpoolFull, and then nothing was added."""
        if not 0 < len(payload) <= LARGEST_RECORD_BYTES:
            raise SpoolError(
                f"spool {self._folder}: a record has 1 to {LARGEST_RECORD_BYTES} bytes, not {len(payload)}"
            )
        frame = _frame(payload)
        try:
            if self._size and self._size + len(frame) > self._segment_bytes:
                self._open_segment(self._segment + 1)
            self._make_room(len(frame))
            self._write(frame)
        except OSError as error:
            raise SpoolFull(f"spool {self._folder}: {error.strerror}") from error
        self._size += len(frame)
        self._used_bytes += len(frame)

    def close(self) -> None:
        """Release the files and the lock; may be called again."""
        for fd in (self._fd, self._lock_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock_fd = -1

    def _make_room(self, size: int) -> None:
        if self._used_bytes + size <= self._limit_bytes:
            return
        self._used_bytes = _weight(self._folder)  # the reader may have deleted segments since
        if self._used_bytes + size <= self._limit_bytes:
            return
        if self._size:
            # Closes the current segment: the reader may delete it, which makes room sooner.
            self._open_segment(self._segment + 1)
        raise SpoolFull(f"spool {self._folder}: holds {self._used_bytes} bytes, its limit is {self._limit_bytes}")

    def _write(self, frame: bytes) -> None:
        try:
            _write_all(self._fd, frame, self._size)
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise

    def _open_segment(self, number: int) -> None:
        path = _segment_path(self._folder, number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._segment, self._size = fd, number, 0
        _sync_folder(self._folder)


class SpoolReader:
    """Reads the spool in `folder` from the last commit on. One reader at a time, in any process.

    `torn` counts the records that were cut off or damaged, with what followed them in their segment.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.torn = 0
        self._examined = 0  # the last segment whose end was looked at: after a rewind it comes by again
        self._fd = -1
        self._committed = self._delivered = self._cursor = Position(0, 0)
        self._commits: _Commits | None = None
        self._lock_fd = _lock(folder, "reader.lock")
        try:
            self._commits = _Commits(folder)
            self._committed = self._commits.position
            self.rewind()
        except OSError as error:
            self.close()
            raise _unusable(folder, error) from error

    def read(self, limit: int) -> list[Record]:
        """Return up to `limit` records that follow those read before; [] when there is none yet. Never waits."""
        records: list[Record] = []
        try:
            while len(records) < limit:
                record = self._next()
                if record is not None:
                    records.append(record)
                elif not self._advance():
                    break
        except OSError as error:
            raise _unusable(self._folder, error) from error
        return records

    def commit(self, position: Position) -> None:
        """Record that everything up to and including `position` is done; delete the segments that it closes."""
        if not self._committed < position <= self._delivered:
            return
        try:
            assert self._commits is not None, "commit after close"
            self._commits.write(position)
            self._committed = position
            self._release()
        except OSError as error:
            raise _unusable(self._folder, error) from error

    def rewind(self) -> None:
        """Go back to the last commit: what was read and not committed is read again."""
        self._seek(self._committed)
        self._delivered = self._committed

    @property
    def backlog_bytes(self) -> int:
        """How many bytes of records are not committed yet."""
        total = 0
        for number in _segments(self._folder):
            with contextlib.suppress(FileNotFoundError):
                size = _segment_path(self._folder, number).stat().st_size
                if number == self._committed.segment:
                    size -= self._committed.offset
                total += size if number >= self._committed.segment else 0
        return total

    def close(self) -> None:
        """Release the files and the lock; may be called again."""
        for fd in (self._fd, self._lock_fd):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock_fd = -1
        if self._commits is not None:
            self._commits.close()
            self._commits = None

    def _next(self) -> Record | None:
        """Return the next record of this segment; None when no whole one stands there."""
        if self._fd < 0:
            return None
        payload = _payload(self._fd, self._cursor.offset)
        if payload is None:
            return None
        self._cursor = Position(self._cursor.segment, self._cursor.offset + _FRAME.size + len(payload))
        self._delivered = self._cursor
        return Record(payload, self._cursor)

    def _advance(self) -> bool:
        """Go on to the next segment when this one is closed and read to its end; tell whether to read on."""
        later = [number for number in _segments(self._folder) if number > self._cursor.segment]
        if not later:
            return False
        # Whoever closed this segment wrote to it first: only now is a record that is still not whole a torn one.
        if self._fd >= 0:
            if _payload(self._fd, self._cursor.offset) is not None:
                return True
            if self._cursor.segment > self._examined:
                self.torn += os.fstat(self._fd).st_size > self._cursor.offset
                self._examined = self._cursor.segment
        self._seek(Position(min(later), 0))
        self._release()
        return True

    def _seek(self, position: Position) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._cursor = position
        with contextlib.suppress(FileNotFoundError):  # deleted, or not written yet: `_advance` finds the next one
            self._fd = os.open(_segment_path(self._folder, position.segment), os.O_RDONLY | os.O_CLOEXEC)

    def _release(self) -> None:
        """Delete the segments that nobody needs any more."""
        needed = self._cursor.segment if self._committed == self._delivered else self._committed.segment
        for number in _segments(self._folder):
            if number < needed:
                _segment_path(self._folder, number).unlink(missing_ok=True)


class _Commits:
    """The file `committed`, open for its reader."""

    def __init__(self, folder: Path) -> None:
        _make_committed(folder)
        self._fd = os.open(folder / _COMMITTED, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._number, self.position = _last_commit(os.pread(self._fd, _COMMITTED_BYTES, 0))
        except OSError:
            self.close()
            raise

    def write(self, position: Position) -> None:
        """Put `position` on the disk, over the older of the two commits that stand there."""
        number = self._number + 1
        slot = _SLOT.pack(number, *position, 0)[: -_LENGTH.size]
        _write_all(self._fd, slot + _LENGTH.pack(zlib.crc32(slot)), _SLOTS[number % len(_SLOTS)])
        os.fdatasync(self._fd)
        self._number, self.position = number, position

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def _frame(payload: bytes) -> bytes:
    length = _LENGTH.pack(len(payload))
    return _FRAME.pack(len(payload), zlib.crc32(payload, zlib.crc32(length))) + payload


def _payload(fd: int, offset: int) -> bytes | None:
    """Return the payload of the record at `offset`, or None when no whole and sound one stands there."""
    header = os.pread(fd, _FRAME.size, offset)
    if len(header) < _FRAME.size:
        return None
    length, checksum = _FRAME.unpack(header)
    if not 0 < length <= LARGEST_RECORD_BYTES:
        return None
    payload = os.pread(fd, length, offset + _FRAME.size)
    if len(payload) < length or zlib.crc32(payload, zlib.crc32(header[: _LENGTH.size])) != checksum:
        return None
    return payload


def _segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:016d}.seg"


def _segments(folder: Path) -> Iterator[int]:
    """Yield the numbers of the segments, in order."""
    for path in sorted(folder.glob("*.seg")):
        if path.stem.isdecimal():
            yield int(path.stem)


def _weight(folder: Path) -> int:
    total = 0
    for number in _segments(folder):
        with contextlib.suppress(FileNotFoundError):  # the reader deletes meanwhile
            total += _segment_path(folder, number).stat().st_size
    return total


def _read_committed(folder: Path) -> Position:
    """Return the last commit; the start when there is none or it cannot be read: then everything comes again."""
    try:
        return _last_commit((folder / _COMMITTED).read_bytes())[1]
    except FileNotFoundError:
        return Position(0, 0)


def _make_committed(folder: Path) -> None:
    """Take the room for commits on the disk, whoever comes first; what is there already stays."""
    path = folder / _COMMITTED
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size == _COMMITTED_BYTES:
            return
        path.unlink()  # no file of ours
    temporary = folder / f"{_COMMITTED}.{os.getpid()}"
    try:
        with temporary.open("wb") as file:
            file.write(bytes(_COMMITTED_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
        _sync_folder(folder)
    finally:
        temporary.unlink(missing_ok=True)


def _last_commit(data: bytes) -> tuple[int, Position]:
    """Return number and position of the newest commit that is whole; 0 and the start when there is none."""
    found = [(0, Position(0, 0))]
    for start in _SLOTS:
        if len(slot := data[start : start + _SLOT.size]) == _SLOT.size:
            number, segment, offset, checksum = _SLOT.unpack(slot)
            if zlib.crc32(slot[: -_LENGTH.size]) == checksum:
                found.append((number, Position(segment, offset)))
    return max(found)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all of `data`: a disk that fills up takes a part first, and refuses only the rest."""
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)


def _lock(folder: Path, name: str) -> int:
    """Return the descriptor that holds the lock; the kernel releases it however its process ends."""
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        fd = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        side = name.partition(".")[0]
        raise SpoolBusy(f"spool {folder}: another process is its {side}: stop it or name another folder") from error
    return fd


def _sync_folder(folder: Path) -> None:
    """Make a new file's name survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unusable(folder: Path, error: OSError) -> SpoolError:
    return SpoolError(f"spool {folder}: {error.strerror or error}")
