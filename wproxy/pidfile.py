"""The pid file: who serves, for the next process that is to take its place (`-sf $(cat pidfile)`).

Two that are started at nearly the same time both read the name of the one that serves then, and neither knows of the
other. So whoever begins to serve looks into the file again, under a lock: when another one has written its name
meanwhile, the one that was started later stays, because it has read the later configuration.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection
from io import TextIOWrapper
from pathlib import Path

from wproxy.errors import WproxyError

_PROC = Path("/proc")
_START = 19  # in /proc/PID/stat, counted behind the name (proc(5): field 22)


class PidFile:
    """One file, opened before anything else is done: later there may be nobody to tell that it cannot be."""

    def __init__(self, name: str) -> None:
        """Open it; raise WproxyError."""
        self.path = Path(name).absolute()
        try:
            self._file: TextIOWrapper = self.path.open("a+")
        except OSError as error:
            raise WproxyError(f"cannot write the process id to {self.path}: {error.strerror}") from error

    def take(self, replaced: Collection[int]) -> int | None:
        """Write the own process id; return who is to finish besides those that were known to be `replaced`.

        That may be the own process: then another one has been started later and serves already, and the file names it.
        The file is closed afterwards.
        """
        with self._file as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                return self._take(file, replaced)
            finally:
                file.flush()
                # Closing would not do it: processes that were forked meanwhile have the file open, too.
                fcntl.flock(file, fcntl.LOCK_UN)

    @staticmethod
    def _take(file: TextIOWrapper, replaced: Collection[int]) -> int | None:
        own = os.getpid()
        file.seek(0)
        text = file.read(64).strip()
        other = int(text) if text.isdecimal() else 0
        rival = other if replaced and other not in (0, own, *replaced) and _are_alike(own, other) else None
        if rival is not None and _started(rival) > _started(own):
            return own
        file.seek(0)
        file.truncate()
        file.write(f"{own}\n")
        return rival


def _are_alike(own: int, other: int) -> bool:
    """Tell whether `other` is a process that goes by the same name as this one."""
    try:
        return (_PROC / str(own) / "comm").read_text() == (_PROC / str(other) / "comm").read_text()
    except OSError:
        return False


def _started(pid: int) -> tuple[int, int]:
    """Return when a process was started; of the same hundredth of a second the higher number is the later one."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, pid
    return int(fields[_START]), pid
