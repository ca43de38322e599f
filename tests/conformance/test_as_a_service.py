"""What HAProxy and wproxy make of themselves as root's service: background, pid file, user, group, root, open files."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import WPROXY, free_port, need, own_ports
from tests.support.stats import Stats
from tests.support.tcp_server import ask_name, named_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root becomes another user")

CONFIGURATION = """
global
    stats socket {folder}/{program}.sock mode 600 level admin
    {more}
defaults
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    bind 127.0.0.1:{port}
    server a 127.0.0.1:{server}
"""
OTHER_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
MAY_BIND = [*OTHER_USER, "--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]
FEW_FILES = ["prlimit", "--nofile=300:300"]


class Place:
    """One program with its folder."""

    def __init__(self, program: str, folder: Path, server: int) -> None:
        self.program = program
        self.folder = folder
        self.server = server
        self.port = free_port()
        folder.chmod(0o755)

    def start(self, *more: str, prefix: tuple[str, ...] | list[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run it until it ends or is in the background."""
        text = CONFIGURATION.format(more="\n    ".join(more), **vars(self))
        if prefix:
            text = re.sub(r"    stats socket .*\n", "", text)
        (self.folder / f"{self.program}.cfg").write_text(text)
        start = [need("haproxy")] if self.program == "haproxy" else WPROXY
        command = [*prefix, *start, "-f", f"{self.program}.cfg"]
        # A file: what is in the background keeps a pipe open.
        with (self.folder / "said").open("w+") as said:
            done = subprocess.run(
                command, cwd=self.folder, stdout=said, stderr=said, timeout=30,
                env={**os.environ, "XDG_STATE_HOME": str(self.folder)},
            )  # fmt: skip
        return subprocess.CompletedProcess(command, done.returncode, "", (self.folder / "said").read_text())

    def pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def stop(self) -> None:
        if (self.folder / "pid").exists() and (self.folder / "pid").read_text().strip():
            pid = self.pid()
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10.0, "it ends")


@pytest.fixture(params=["haproxy", "wproxy"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    """Yield a place that other users can reach, too: pytest's own folders are root's alone."""
    with named_server("a") as server, tempfile.TemporaryDirectory() as folder:
        made = Place(request.param, Path(folder), server)
        yield made
        made.stop()


def facts(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: " ".join(value.split()) for key, _, value in (line.partition(":") for line in lines)}


def test_it_goes_to_the_background_and_becomes_what_it_is_told(place: Place) -> None:
    (place.folder / "jail").mkdir()
    done = place.start(
        "daemon", f"pidfile {place.folder}/pid", "user nobody", "group nogroup", f"chroot {place.folder}/jail",
        "maxconn 100",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pid = place.pid()
    wait_for(lambda: facts(pid)["Uid"].startswith("65534 "), 10.0, "it is nobody")
    shown = facts(pid)
    assert shown["Uid"] == shown["Gid"] == "65534 65534 65534 65534"
    assert shown["Groups"] == ""
    assert {shown[name] for name in ("CapPrm", "CapEff", "CapAmb")} == {"0" * 16}
    assert shown["PPid"] == "1"
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/root").readlink() == place.folder / "jail"
    assert {str(Path(f"/proc/{pid}/fd/{number}").readlink()) for number in (0, 1, 2)} <= {"/dev/null"}
    assert ask_name(place.port) == "a"
    stats = Stats(place.folder / f"{place.program}.sock")
    assert f"\nPid: {pid}\n" in stats.ask("show info")
    assert stats.path.stat().st_mode & 0o777 == 0o600


def test_of_its_capabilities_it_keeps_what_bind_needs(place: Place) -> None:
    """A process that is not root and may bind low ports, as systemd starts it."""
    place.port = next(port for port in own_ports(200, 1000) if is_free(port))
    (place.folder / "pid").touch()
    os.chown(place.folder / "pid", 65534, 65534)
    done = place.start(
        "daemon", f"pidfile {place.folder}/pid", prefix=[*MAY_BIND, "--bounding-set=-all,+net_bind_service"]
    )
    assert done.returncode == 0, done.stderr
    shown = facts(place.pid())
    bind = f"{1 << 10:016x}"  # CAP_NET_BIND_SERVICE (capabilities(7))
    assert {shown[name] for name in ("CapPrm", "CapEff", "CapAmb", "CapBnd")} == {bind}
    assert ask_name(place.port) == "a"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_open_files_are_raised_to_what_maxconn_needs(place: Place) -> None:
    soft_only = ["prlimit", "--nofile=300:20000"]
    done = place.start("daemon", f"pidfile {place.folder}/pid", "maxconn 4000", prefix=soft_only)
    assert done.returncode == 0, done.stderr
    limits = Path(f"/proc/{place.pid()}/limits").read_text()
    found = re.search(r"Max open files +(\d+) +(\d+)", limits)
    assert found is not None
    assert 8000 < int(found[1]) <= 8100


@pytest.mark.parametrize("setting", ["maxconn 4000", "ulimit-n 1000"])
def test_too_few_open_files_are_a_refusal(place: Place, setting: str) -> None:
    done = place.start(setting, prefix=[*FEW_FILES, *OTHER_USER])
    assert done.returncode == 1
    assert re.search(r"(?i)limit (is|to) .*300|the limit is 300", done.stderr), done.stderr


def test_without_strict_limits_it_starts_all_the_same(place: Place) -> None:
    (place.folder / "pid").touch()
    os.chown(place.folder / "pid", 65534, 65534)
    more = ("no strict-limits", "maxconn 4000", "daemon", f"pidfile {place.folder}/pid")
    done = place.start(*more, prefix=[*FEW_FILES, *OTHER_USER])
    assert done.returncode == 0, done.stderr
    assert "300" in done.stderr
    assert ask_name(place.port) == "a"
