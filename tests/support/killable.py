"""A Redis server that a test may kill, freeze and start again on the same port."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.programs import free_port, need, wait_until_listening

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")


@dataclass
class KillableRedis:
    """One redis-server; empty after each start, unless `options` are DURABLE and `folder` is its own."""

    folder: Path
    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        log = self.folder / f"redis-{self.port}.log"
        command = [need("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "--dir", str(self.folder), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_until_listening(self.process, self.port, log)

    def kill(self) -> None:
        """End it as a crash does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Have it answer nothing, while its connections stay."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


@contextmanager
def killable_redis(folder: Path, *options: str) -> Iterator[KillableRedis]:
    """Yield a started server; whatever became of it, it is gone at the end."""
    server = KillableRedis(folder, options=options)
    server.start()
    try:
        yield server
    finally:
        server.kill()
