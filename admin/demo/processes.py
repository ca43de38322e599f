"""The demo's child processes: started with a log file each, watched, and ended by pid whatever happened."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import IO

from admin.errors import DemoError

STOP_TIMEOUT_S = 5.0
_TAIL_BYTES = 4096
_LONGEST_TAIL = 300


@dataclass(frozen=True, slots=True)
class Child:
    """One running program and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Children:
    """Owns the children; leaving its `with` block ends them, the youngest first, within a bounded time."""

    def __init__(self, folder: Path, stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
        self._folder = folder
        self._stop_timeout_s = stop_timeout_s
        self._children: list[Child] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self,
        name: str,
        command: list[str],
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        env: Mapping[str, str] | None = None,
    ) -> Child:
        """Start `command` in a session of its own: Ctrl-C reaches the demo only, which then stops all in order."""
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            try:
                process = subprocess.Popen(
                    [*_ends_with_parent(), *command],
                    stdin=stdin,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                )
            except OSError as error:
                raise DemoError(f"{name} cannot be started: {command[0]}: {error.strerror}") from error
        child = Child(name, process, log)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise DemoError, with the end of its log, when a child has ended."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise DemoError(f"{child.name} ended early, {_cause(code)}: {tail(child.log)}")

    def check_soon(self, timeout_s: float = 1.0) -> None:
        """Raise DemoError when a child ends within `timeout_s`: its sockets close before its end can be seen."""
        deadline, pause = time.monotonic() + timeout_s, Event()
        while time.monotonic() < deadline:
            self.check()
            pause.wait(0.02)

    def stop(self) -> None:
        """End every child: SIGTERM, then SIGKILL to those that are still there when the time is up."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + self._stop_timeout_s
        for child in reversed(self._children):
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._children.clear()


def tail(log: Path) -> str:
    """Return the last line that `log` holds, cut to a length that fits a message."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:_LONGEST_TAIL] if lines else "it said nothing"


def _cause(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _ends_with_parent() -> list[str]:
    """Return a prefix that has the kernel end the child should the demo be killed outright (util-linux, Linux only)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
