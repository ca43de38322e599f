"""The running proxy as pidof, killall and ps find it, under its own name and under HAProxy's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import SCRIPT, WPROXY, free_port, need, running, wait_until_listening

CONFIGURATION = """\
listen main
    mode tcp
    bind 127.0.0.1:{port}
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    server s 127.0.0.1:1
"""


def found(*command: str) -> set[int]:
    """Return the process ids that a tool prints."""
    done = subprocess.run([need(command[0]), *command[1:]], capture_output=True, text=True)
    return {int(pid) for pid in done.stdout.split()}


@contextmanager
def started(command: list[str], folder: Path, *options: str) -> Iterator[int]:
    port = free_port()
    (folder / "wproxy.cfg").write_text(CONFIGURATION.format(port=port))
    with running([*command, "-f", "wproxy.cfg", *options], folder, "wproxy") as process:
        wait_until_listening(process, port, folder / "wproxy.log")
        yield process.pid


@pytest.mark.parametrize("way", ["module", "wproxy", "a-link"])
def test_it_shows_as_what_was_started(tmp_path: Path, way: str) -> None:
    script = SCRIPT
    link = tmp_path / "a-link"
    link.symlink_to(script)
    name = "a-link" if way == "a-link" else "wproxy"
    command = {"module": WPROXY, "wproxy": [str(script)], "a-link": [str(link)]}[way]
    with started(command, tmp_path) as pid:
        assert pid in found("pidof", name)
        assert pid in found("ps", "-C", name, "-o", "pid=")
        assert subprocess.run([need("killall"), "-0", name], capture_output=True).returncode == 0
        shown = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True).stdout
        assert shown.split() == [name, "-f", "wproxy.cfg"]
