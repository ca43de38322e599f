"""`user`, `group` and `chroot`: everything that root has to open is open, and what is left of root is nothing."""

from __future__ import annotations

import pwd
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, running
from tests.support.stats import Stats
from tests.support.tcp_server import ask_name, named_server
from tests.support.waiting import wait_for

NOBODY = pwd.getpwnam("nobody")
CONFIGURATION = """
global
    user nobody
    group nogroup
    chroot {folder}/jail
    stats socket {folder}/wproxy.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    bind 127.0.0.1:{port}
    server a {host}:{server} weight 30
"""


class Place:
    """A folder with a configuration and an empty folder to be locked into."""

    def __init__(self, folder: Path, server: int) -> None:
        self.folder = folder
        self.server = server
        self.port = free_port()
        self.stats = Stats(folder / "wproxy.sock")
        (folder / "jail").mkdir()
        self.write()

    def write(self, host: str = "localhost") -> None:
        text = CONFIGURATION.format(folder=self.folder, port=self.port, host=host, server=self.server)
        (self.folder / "wproxy.cfg").write_text(text)

    def serving_pid(self) -> int:
        """Return the process that answers on the stats socket; 0 while nobody does."""
        try:
            answer = self.stats.ask("show info")
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in answer.splitlines() if line.startswith("Pid:")), 0)

    @contextmanager
    def process(self, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run wproxy; yield it when another process than before serves."""
        before = self.serving_pid()
        with running([*WPROXY, "-f", "wproxy.cfg", "-p", "wproxy.pid", *options], self.folder, name) as started:

            def serves() -> bool:
                assert started.poll() is None, (self.folder / f"{name}.log").read_text()
                return self.serving_pid() not in (0, before)

            wait_for(serves, START_TIMEOUT_S, f"{name} serves")
            yield started


def facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in lines)}


def assert_is_nobody(place: Place, pid: int) -> None:
    """Check that a process which has begun to answer is nobody; that is the last thing it does before it serves."""
    wait_for(lambda: facts(pid)["Uid"].startswith(str(NOBODY.pw_uid)), what="it is nobody")
    shown = facts(pid)
    assert shown["Uid"].split() == [str(NOBODY.pw_uid)] * 4
    assert shown["Gid"].split() == [str(NOBODY.pw_gid)] * 4
    assert shown["Groups"] == ""
    assert {shown[name] for name in ("CapPrm", "CapEff")} == {"0" * 16}
    assert Path(f"/proc/{pid}/root").readlink() == place.folder / "jail"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with named_server("a") as server:
        yield Place(tmp_path, server)


def test_a_process_without_privileges_serves_and_keeps_what_is_set(place: Place) -> None:
    with place.process("first") as first:
        assert_is_nobody(place, first.pid)
        assert (place.folder / "wproxy.pid").read_text() == f"{first.pid}\n"
        assert ask_name(place.port) == "a"
        assert place.stats.ask("set server main/a weight 7") == "\n"
        with place.process("second", "-sf", str(first.pid)) as second:
            assert first.wait(15.0) == 0
            assert place.stats.ask("get weight main/a") == "7 (initial 30)\n\n"
            assert ask_name(place.port) == "a"
            assert_is_nobody(place, second.pid)
            second.send_signal(signal.SIGTERM)
            assert second.wait(15.0) == 0
    for name in ("first", "second"):
        assert "Traceback" not in (place.folder / f"{name}.log").read_text()


def test_a_master_stays_root_and_its_workers_do_not(place: Place) -> None:
    with place.process("master", "-W") as master:
        worker = place.serving_pid()
        assert_is_nobody(place, worker)
        assert facts(master.pid)["Uid"].startswith("0 ")
        master.send_signal(signal.SIGUSR2)

        def next_worker() -> int:
            pid = place.serving_pid()  # for a moment either of them answers
            return 0 if pid == worker else pid

        assert_is_nobody(place, wait_for(next_worker, START_TIMEOUT_S, "a new worker serves"))
        assert ask_name(place.port) == "a"


def run(place: Place, prefix: list[str]) -> tuple[int, str]:
    command = [*prefix, *WPROXY, "-f", "wproxy.cfg"]
    done = subprocess.run(command, cwd=place.folder, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stderr


def _remove_jail(place: Place) -> None:
    (place.folder / "jail").rmdir()


def _misspell_host(place: Place) -> None:
    place.write("no-such-host.invalid")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_remove_jail, "there is no such folder"),
        (_misspell_host, "server 'a': cannot resolve no-such-host.invalid before the change of root"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_is_open(
    place: Place, spoil: Callable[[Place], None], said: str
) -> None:
    spoil(place)
    code, log = run(place, [])
    assert (code, log.count("\n")) == (1, 1)
    assert said in log
