"""`-D` and `--pidfile`: the way into the background, and where one can read who is there.

fork ──▶ the child opens everything ──▶ `Background.detach` ──▶ the parent ends with 0
                 └── fails, and says so ──▶ the parent ends with the child's exit code
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import SysLogHandler
from pathlib import Path

SYSLOG = "/dev/log"


class PidFileError(Exception):
    """A pid file that cannot be written. Raised by `pid_file`, caught by `capture.__main__`, printed as one line."""


class Background:
    """Forks; only the child returns from the constructor, and still has the parent's terminal until `detach`."""

    def __init__(self) -> None:
        heard, self._told = os.pipe()
        child = os.fork()
        if child:
            os.close(self._told)
            _wait_for(child, heard)
        os.close(heard)
        os.setsid()

    def detach(self) -> None:
        """Let go of the terminal: everything is open, and log lines go elsewhere from now on."""
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os.close(null)
        os.write(self._told, b"+")
        os.close(self._told)


def _wait_for(child: int, heard: int) -> None:
    """End this process when the child is in the background, or has failed."""
    is_detached = os.read(heard, 1) != b""
    sys.stderr.flush()
    os._exit(0 if is_detached else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF or 1)


def has_syslog(address: str = SYSLOG) -> bool:
    """Tell whether somebody takes log lines at `address`."""
    return Path(address).is_socket()


def log_to_syslog(logger: logging.Logger, address: str = SYSLOG) -> None:
    """Send what `logger` logs to the system's log from now on, as soon as there is one."""
    handler = SysLogHandler(address, facility=SysLogHandler.LOG_DAEMON)
    handler.append_nul = False
    handler.setFormatter(logging.Formatter(f"wproxy-capture[{os.getpid()}]: %(message)s"))
    logger.handlers[:] = [handler]


class PidFile:
    """A file that is opened early, while it may be, and written when there is something to say."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise PidFileError(f"pid file {path}: {error.strerror}") from error

    def write(self) -> None:
        """Write this process' id."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def remove(self) -> None:
        """Remove the file; where that is not allowed any more it stays, empty."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
        with contextlib.suppress(OSError):
            self._path.unlink()


@contextmanager
def pid_file(path: Path | None) -> Iterator[PidFile | None]:
    """Yield the pid file at `path`, None for None; it is gone after the block."""
    if path is None:
        yield None
        return
    held = PidFile(path)
    try:
        yield held
    finally:
        held.remove()
