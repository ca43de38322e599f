"""Runs HAProxy or wproxy with one `listen` section, and looks at the process from the outside."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, need, running
from tests.support.stats import Stats
from tests.support.waiting import wait_for

CONFIGURATION = """\
global
    stats socket {folder}/{program}.sock mode 600 level admin
defaults
    mode {mode}
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    bind 127.0.0.1:{port}
    {lines}
{rest}
"""


@dataclass(frozen=True)
class Proxy:
    """A running proxy, HAProxy or wproxy."""

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def stats(self) -> Stats:
        return Stats(self.folder / f"{self.program}.sock")

    @property
    def log(self) -> str:
        return (self.folder / f"{self.program}.log").read_text()

    def serves(self) -> bool:
        """Tell whether the stats socket answers; asked instead of the port, so that no counter moves."""
        assert self.process.poll() is None, f"{self.program} ended with {self.process.returncode}:\n{self.log}"
        return self.stats.answers()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(10.0)

    @property
    def resident_bytes(self) -> int:
        """How much memory the process has in use now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    @property
    def cpu_s(self) -> float:
        """How much processor time the process has used, user's and system's."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def descriptors(self) -> int:
        """How many descriptors the process has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())


def configuration(program: str, folder: Path, port: int, *lines: str, mode: str = "tcp", rest: str = "") -> str:
    """Return a configuration whose section `main` listens on `port` and consists of `lines`; `rest` follows it."""
    body = "\n    ".join(lines)
    return CONFIGURATION.format(program=program, folder=folder, mode=mode, port=port, lines=body, rest=rest)


@contextmanager
def proxy(
    program: str,
    folder: Path,
    *lines: str,
    mode: str = "tcp",
    rest: str = "",
    port: int | None = None,
    open_files: int | None = None,
) -> Iterator[Proxy]:
    """Run `program` ("haproxy" or "wproxy"), yield it when it listens, check at the end that it never crashed.

    It may open no more than `open_files` descriptors; without that as many as the test itself.
    """
    port = port or free_port()
    file = folder / f"{program}.cfg"
    file.write_text(configuration(program, folder, port, *lines, mode=mode, rest=rest))
    start = WPROXY if program == "wproxy" else [need("haproxy"), "-db"]
    limit = ["prlimit", f"--nofile={open_files}:{open_files}"] if open_files else []
    with running([*limit, *start, "-f", file.name], folder, program) as process:
        made = Proxy(program, folder, port, process)
        wait_for(made.serves, START_TIMEOUT_S, f"{program} serves")
        try:
            yield made
        except BaseException as error:
            error.add_note(f"{program} said:\n{made.log}")
            raise
        assert process.poll() in (None, 0), f"{program} ended with {process.returncode}:\n{made.log}"
    check_log(made.log)


def check_log(log: str) -> None:
    """Fail when a proxy has told of an exception nobody expected."""
    assert not re.search(r"Traceback|Exception|Error\b|never retrieved|Fatal", log), log
