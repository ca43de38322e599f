"""A program that a test kills and starts again with the same command."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.programs import START_TIMEOUT_S
from tests.support.waiting import wait_for


@dataclass
class Restartable:
    """`command` in `folder`; what all of its processes said stands in `name`.log."""

    name: str
    folder: Path
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self, ready: Callable[[], bool] | None = None) -> None:
        """Start it; return when `ready`."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self.env},
            )
        if ready is not None:
            wait_for(lambda: ready() or self._has_ended(), START_TIMEOUT_S, f"{self.name} is ready")
            assert not self._has_ended(), self.log.read_text()

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> str:
        """End it by SIGTERM, which must go well; return the last line it said."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(30.0) == 0, self.log.read_text()
        self.process = None
        return self.log.read_text().splitlines()[-1]

    def _has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None


@contextmanager
def restartable(
    name: str, folder: Path, command: list[str], ready: Callable[[], bool] | None = None
) -> Iterator[Restartable]:
    """Start a program, yield it, and kill what runs of it at the end."""
    made = Restartable(name, folder, command)
    made.start(ready)
    try:
        yield made
    finally:
        made.kill()
