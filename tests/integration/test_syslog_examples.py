"""The examples for rsyslog and logrotate, with the real programs: lines of the proxy arrive, in the new file, too."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.compose import ROOT
from tests.support.programs import free_port, need, running
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import ask_name, named_server
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to root and adm")


def example(name: str, folder: Path, port: int) -> str:
    """Return an example with this test's file, port and rsyslog in the place of the system's."""
    text = (ROOT / "syslog" / name).read_text()
    for old, new in (
        ("/var/log/wproxy.log", f"{folder}/wproxy.log"),
        ('port="514"', f'port="{port}"'),
        ("/usr/lib/rsyslog/rsyslog-rotate", f"{folder}/rsyslog-rotate"),
    ):
        text = text.replace(old, new)
    return text


@pytest.fixture
def logging(tmp_path: Path) -> Iterator[Proxy]:
    """Run a proxy whose log goes to an rsyslogd with the example's configuration."""
    port = free_port()
    folder = tmp_path / "syslog"
    folder.mkdir(mode=0o755)
    (folder / "rsyslog.conf").write_text(
        f'global(workDirectory="{folder}")\n{example("rsyslog.conf", folder, port)}*.* {folder}/others.log\n'
    )
    command = [need("rsyslogd"), "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "rsyslogd.pid")]
    with running(command, folder, "rsyslogd") as process, named_server("a") as server:
        wait_for(lambda: heard(port) or process.poll() is not None, 20.0, "rsyslogd")
        assert process.poll() is None, (folder / "rsyslogd.log").read_text()
        rest = f"global\n    log 127.0.0.1:{port} local0"
        lines = ("log global", "option tcplog", f"server a 127.0.0.1:{server}")
        with proxy("wproxy", tmp_path, *lines, rest=rest) as made:
            yield made


def heard(port: int) -> bool:
    """Tell whether somebody takes datagrams at `port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", port))
        try:
            probe.send(b"<134>somebody: else")
            probe.send(b"<134>somebody: else")
        except ConnectionRefusedError:
            return False
    return True


def sessions(file: Path) -> int:
    return (
        len(re.findall(r"wproxy\[\d+\]: 127\.0\.0\.1:\d+ \[.*\] main main/a ", file.read_text()))
        if file.exists()
        else 0
    )


def ask(logging: Proxy, times: int) -> None:
    for _ in range(times):
        assert ask_name(logging.port) == "a"


def rotate(folder: Path, port: int = 0) -> None:
    """Rotate now, as cron would tomorrow; rsyslog's script tells systemd's service, here it tells the test's."""
    script = folder / "rsyslog-rotate"
    script.write_text(f"#!/bin/sh\nkill -HUP $(cat {folder}/rsyslogd.pid)\n")
    script.chmod(0o755)
    rules = folder / "logrotate.conf"
    rules.write_text(example("logrotate.conf", folder, port))
    rules.chmod(0o644)
    command = [need("logrotate"), "-f", "-s", str(folder / "status"), str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    wait_for(lambda: not writes_to(folder, "wproxy.log.1"), what="rsyslogd has let go of the old file")


def writes_to(folder: Path, name: str) -> bool:
    """Tell whether rsyslogd has a file of the folder open."""
    descriptors = Path("/proc") / (folder / "rsyslogd.pid").read_text().strip() / "fd"
    opened = []
    for each in descriptors.iterdir():
        with suppress(OSError):  # closed meanwhile
            opened.append(each.readlink())
    return folder / name in opened


def test_lines_arrive_and_go_on_in_the_new_file(logging: Proxy) -> None:
    folder = logging.folder / "syslog"
    file, before, oldest = folder / "wproxy.log", folder / "wproxy.log.1", folder / "wproxy.log.2.gz"

    def wait(number: int, what: str) -> None:
        wait_for(lambda: sessions(file) == number, 10.0, what)

    ask(logging, 5)
    wait(5, "five lines")
    assert file.stat().st_mode & 0o777 == 0o640
    rotate(folder)
    assert sessions(before) == 5
    ask(logging, 3)
    wait(3, "three lines in the new file")
    rotate(folder)
    ask(logging, 1)
    wait(1, "a line in the third file")
    assert sessions(before) == 3
    assert gzip.decompress(oldest.read_bytes()).count(b" main main/a ") == 5
    others = folder / "others.log"
    wait_for(lambda: others.exists() and "somebody: else" in others.read_text(), 10.0, "what others say")
    assert "main/a" not in others.read_text()
