from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wproxy.errors import WproxyError
from wproxy.pidfile import PidFile


@pytest.fixture
def later() -> Iterator[int]:
    """Yield a process of the same name as this one, and started later."""
    command = "import pathlib,sys; pathlib.Path('/proc/self/comm').write_text(sys.argv[1]); print(flush=True); input()"
    comm = Path("/proc/self/comm").read_text().strip()
    with subprocess.Popen(
        [sys.executable, "-c", command, comm], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def take(path: Path, found: str, *replaced: int) -> tuple[int | None, str]:
    file = PidFile(str(path))
    path.write_text(found)
    return file.take(replaced), path.read_text()


@pytest.mark.parametrize("found", ["", "7\n", "nonsense", "999999999\n"])
def test_it_names_this_process(tmp_path: Path, found: str) -> None:
    assert take(tmp_path / "pid", found, 7) == (None, f"{os.getpid()}\n")


def test_who_was_started_later_stays(tmp_path: Path, later: int) -> None:
    assert take(tmp_path / "pid", f"{later}\n", 7) == (os.getpid(), f"{later}\n")


def test_who_was_started_earlier_is_to_finish(tmp_path: Path) -> None:
    """The process that has started this one goes by another name, unless it is made to look alike."""
    parent = os.getppid()
    alike = Path(f"/proc/{parent}/comm").read_text() == Path("/proc/self/comm").read_text()
    assert take(tmp_path / "pid", f"{parent}\n", 7) == (parent if alike else None, f"{os.getpid()}\n")


def test_who_replaces_nobody_asks_nobody_to_finish(tmp_path: Path, later: int) -> None:
    assert take(tmp_path / "pid", f"{later}\n") == (None, f"{os.getpid()}\n")


def test_who_is_known_to_be_replaced_is_no_rival(tmp_path: Path, later: int) -> None:
    assert take(tmp_path / "pid", f"{later}\n", later) == (None, f"{os.getpid()}\n")


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WproxyError, match="cannot write the process id"):
        PidFile(str(tmp_path / "missing" / "pid"))


def test_a_process_that_was_forked_in_between_does_not_keep_the_lock(tmp_path: Path) -> None:
    """As the processes under a master, which begin before the master is ready."""
    file = PidFile(str(tmp_path / "pid"))
    forked = os.fork()
    if forked == 0:
        signal.pause()
    try:
        assert file.take(()) is None
        with (tmp_path / "pid").open() as other:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.kill(forked, signal.SIGKILL)
        os.waitpid(forked, 0)
