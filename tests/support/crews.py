"""Runs wproxy with several workers, and tells its processes apart."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.pids import alive
from tests.support.programs import START_TIMEOUT_S, WPROXY, running
from tests.support.stats import Stats
from tests.support.waiting import wait_for

HEAD = """
global
    nbthread {workers}
    stats socket {folder}/wproxy.sock mode 600 level admin
    state-file {folder}/state.json
defaults
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
"""


@dataclass
class Crew:
    """A running proxy with workers."""

    folder: Path
    process: subprocess.Popen[bytes]
    stats: Stats

    @property
    def log(self) -> str:
        return (self.folder / "wproxy.log").read_text()

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids by kind, of those that serve."""
        found: dict[str, list[int]] = {"supervisor": [], "worker": [], "master": [], "old": []}
        section = ""
        for line in self.stats.ask("show proc").splitlines():
            if line.startswith("#"):
                section = line
            elif line:
                pid, kind = line.split()[:2]
                found["old" if section == "# old workers" else kind].append(int(pid))
        return found

    @property
    def workers(self) -> list[int]:
        return self.processes()["worker"]

    @property
    def supervisor(self) -> int:
        return self.processes()["supervisor"][0]

    def sessions(self) -> dict[int, int]:
        """Return the process each live session is in, as a number, by the client's port."""
        found = {}
        for line in self.stats.ask("show sess").splitlines():
            if ": proto=" in line and "src=127" in line:
                number = int(line.partition(":")[0], 16)
                found[int(line.partition("src=127.0.0.1:")[2].split()[0])] = number >> 32
        return found

    def evenness(self) -> Counter[int]:
        """Return how many sessions each process has."""
        return Counter(self.sessions().values())

    def kill(self, pid: int) -> None:
        """End a process without a warning."""
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not alive(pid), what=f"{pid} is gone")


@contextmanager
def crew(folder: Path, lines: str, workers: int = 2, *options: str) -> Iterator[Crew]:
    """Run wproxy on `lines` with `workers`; yield it when all of them serve."""
    (folder / "wproxy.cfg").write_text(HEAD.format(workers=workers, folder=folder) + lines)
    with running([*WPROXY, "-f", "wproxy.cfg", *options], folder, "wproxy") as process:
        made = Crew(folder, process, Stats(folder / "wproxy.sock"))
        wait_until_whole(made, workers)
        yield made


def wait_until_whole(made: Crew, workers: int = 2) -> None:
    """Return when all workers serve."""

    def whole() -> bool:
        assert made.process.poll() is None, made.log
        return made.stats.answers() and len(made.workers) == workers

    wait_for(whole, START_TIMEOUT_S, "all workers serve")
