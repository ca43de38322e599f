"""What users get wrong at the start: one clear line each on stderr, the right exit code, no traceback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.programs import WPROXY, free_port, listening, need, need_root
from tests.support.stats import Stats

GOOD = """\
listen main
    mode tcp
    bind 127.0.0.1:{port}
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    server s 127.0.0.1:1
"""


def run(folder: Path, *options: str, without: str = "") -> subprocess.CompletedProcess[str]:
    """Run wproxy up to its end; `without` names capabilities that root is to do without."""
    dropped = ["setpriv", f"--bounding-set={without}"] if without else []
    return subprocess.run(
        [*dropped, *WPROXY, *options], cwd=folder, capture_output=True, text=True, timeout=30, check=False
    )


def lines(done: subprocess.CompletedProcess[str], code: int) -> list[str]:
    """Return what stands on stderr, without severity and pid; check the rest."""
    assert (done.returncode, done.stdout) == (code, ""), done
    assert "Traceback" not in done.stderr
    return [re.sub(r"^\[\w+\] +\(\d+\) : |^wproxy: ", "", line) for line in done.stderr.splitlines()]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def good(tmp_path: Path, port: int) -> Path:
    file = tmp_path / "good.cfg"
    file.write_text(GOOD.format(port=port))
    return file


@pytest.mark.parametrize("program", [[*WPROXY], ["haproxy"]])
def test_the_verdict_on_a_good_file(good: Path, program: list[str]) -> None:
    command = [need(program[0]), *program[1:]] if program == ["haproxy"] else program
    done = subprocess.run([*command, "-c", "-f", str(good)], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Configuration file is valid\n", "")


def test_a_quiet_verdict_says_nothing(good: Path, tmp_path: Path) -> None:
    assert lines(run(tmp_path, "-c", "-q", "-f", "good.cfg"), 0) == []


def test_every_mistake_is_told_at_once_with_its_line(good: Path, tmp_path: Path) -> None:
    good.write_text(
        good.read_text() + "    servr t 127.0.0.1:2\n    server u 127.0.0.1:3 weight 300\n    balance keys\n"
    )
    found = lines(run(tmp_path, "-c", "-f", "good.cfg"), 1)
    assert [line.split(" : ")[1] for line in found[:-1]] == ["[good.cfg:8]", "[good.cfg:9]", "[good.cfg:10]"]
    assert "'servr'" in found[0]
    assert "did you mean 'server'" in found[0]
    assert "256" in found[1]
    assert found[-1] == "config : Fatal errors found in configuration."


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    found = lines(run(tmp_path, "-f", "absent.cfg"), 1)
    assert "absent.cfg" in found[0]
    assert "no such file" in found[0].lower()


def test_a_file_that_may_not_be_read(good: Path, tmp_path: Path) -> None:
    need_root("drop privileges")
    good.chmod(0)
    found = lines(run(tmp_path, "-f", "good.cfg", without="-dac_override,-dac_read_search"), 1)
    assert "good.cfg" in found[0]
    assert "permission denied" in found[0].lower()


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.cfg").write_bytes(bytes(range(256)))
    assert "binary.cfg" in lines(run(tmp_path, "-f", "binary.cfg"), 1)[0]


def test_a_file_without_a_listener(tmp_path: Path) -> None:
    (tmp_path / "empty.cfg").write_text("global\n")
    (line,) = lines(run(tmp_path, "-c", "-f", "empty.cfg"), 2)
    assert "no listener" in line
    assert "'bind'" in line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-f",), "option -f needs an argument: FILE"),
        (("-c",), "no configuration: wproxy -f FILE"),
        (("-f", "good.cfg", "-n", "many"), "option -n needs a number, not 'many'"),
        (("--frobnicate",), "unknown option or command '--frobnicate': see wproxy --help"),
        (("-f", "good.cfg", "stray"), "unknown option or command 'stray': see wproxy --help"),
    ],
)
def test_a_command_line_that_makes_no_sense(good: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    assert lines(run(tmp_path, *options), 2) == [said]


@pytest.fixture
def no_survivor(tmp_path: Path) -> Iterator[None]:
    """End a proxy that went on in the background although it should not have."""
    yield
    stats = Stats(tmp_path / "survivor.sock")
    with suppress(OSError):
        pid = re.search(r"Pid: (\d+)", stats.ask("show info"))
        assert pid is not None
        os.kill(int(pid[1]), signal.SIGKILL)


REFUSED = {
    "absent folder": (
        "stats socket {folder}/absent/s.sock",
        "stats socket: cannot listen on {folder}/absent/s.sock: no such file",
    ),
    "unknown user": ("stats socket {folder}/s.sock user nosuchuser", "nosuchuser"),
    "unknown group": ("stats socket {folder}/s.sock group nosuchgroup", "nosuchgroup"),
    "pid file": ("pidfile {folder}/absent/pid", "cannot write the process id to {folder}/absent/pid"),
    "foreign address": ("stats socket 203.0.113.1:9999", "203.0.113.1:9999: cannot assign requested address"),
    "folder": ("stats socket {folder}", "cannot listen on {folder}: address already in use"),
}


def refused(good: Path, port: int, row: str, *options: str) -> None:
    """Start with one line that cannot be done; fail unless it is told, and nothing runs afterwards."""
    folder = good.parent
    settings, said = (text.format(folder=folder) for text in REFUSED[row])
    good.write_text(f"global\n    stats socket {folder}/survivor.sock\n    {settings}\n{good.read_text()}")
    (line,) = lines(run(folder, "-f", "good.cfg", *options), 1)
    assert said in line
    assert not listening(port)


@pytest.mark.usefixtures("no_survivor")
@pytest.mark.parametrize("row", REFUSED)
def test_what_cannot_be_opened(good: Path, port: int, row: str) -> None:
    refused(good, port, row)


@pytest.mark.usefixtures("no_survivor")
@pytest.mark.parametrize(
    "row",
    [
        "absent folder",
        "foreign address",
        "folder",
        "unknown user",
        "unknown group",
        "pid file",
    ],
)
def test_what_cannot_be_opened_is_told_before_it_goes_to_the_background(good: Path, port: int, row: str) -> None:
    refused(good, port, row, "-D")


def test_a_port_for_root_only(good: Path, tmp_path: Path) -> None:
    need_root("drop privileges")
    good.write_text(GOOD.format(port=79))
    (line,) = lines(run(tmp_path, "-f", "good.cfg", without="-net_bind_service"), 1)
    assert "frontend 'main': cannot listen on 127.0.0.1:79: permission denied" in line


def test_several_addresses_that_cannot_be_opened_are_all_told(good: Path, tmp_path: Path) -> None:
    good.write_text(good.read_text() + "    bind 203.0.113.1:80\n    bind 203.0.113.2:80\n")
    found = lines(run(tmp_path, "-f", "good.cfg"), 1)
    assert [re.sub(r" : .*", "", line) for line in found] == ["[good.cfg:8]", "[good.cfg:9]"]


def test_the_version_and_the_help(tmp_path: Path) -> None:
    done = run(tmp_path, "-v")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("wproxy ")
    for words in (("--help",), ()):
        done = run(tmp_path, *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("usage: wproxy -f FILE")
