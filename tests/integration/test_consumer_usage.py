"""What `wproxy consume` says to a user who asked for something impossible: one line, and the right exit code."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import WPROXY

SPOOL = ["--queue", "spool:///nowhere"]
REDIS = ["--redis", "127.0.0.1:6379"]


def consume(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*WPROXY, "consume", *options], capture_output=True, text=True, timeout=20)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (REDIS, "Missing option '--queue'"),
        (SPOOL, "Missing option '--redis'"),
        (["--queue", "redis://h", *REDIS], "expected amqp://, amqps:// or spool:///folder"),
        ([*SPOOL, "--redis", "localhost"], "'localhost' is no HOST:PORT"),
        ([*SPOOL, "--redis", "u:secret@h:1"], "no HOST:PORT"),
        ([*SPOOL, *REDIS, "--ttl", "5"], "'5' is no duration"),
        ([*SPOOL, *REDIS, "--ttl", "0s"], "'0s' is no duration"),
        ([*SPOOL, *REDIS, "--prefetch", "0"], "0 is not in the range"),
        ([*SPOOL, *REDIS, "--metrics", "9000"], "'9000' is no HOST:PORT"),
        ([*SPOOL, *REDIS, "--tll", "5m"], "No such option"),
    ],
)
def test_a_bad_value_is_one_line_and_exit_code_2(options: list[str], complaint: str) -> None:
    answer = consume(*options)
    assert answer.returncode == 2
    assert answer.stderr.startswith("wproxy consume: ")
    assert complaint in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "secret" not in answer.stderr
    assert answer.stdout == ""


def test_a_metrics_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = consume("--queue", f"spool://{tmp_path}/spool", *REDIS, "--metrics", f"127.0.0.1:{port}")
    assert answer.returncode == 1
    assert answer.stderr == (
        f"wproxy consume: --metrics 127.0.0.1:{port}: address already in use; choose another HOST:PORT\n"
    )


def test_a_spool_that_cannot_be_made_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = consume("--queue", f"spool://{tmp_path}/file/spool", *REDIS)
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"wproxy consume: spool {tmp_path}/file/spool: ")
    assert answer.stderr.count("\n") == 1


def test_help_goes_to_stdout() -> None:
    answer = consume("--help")
    assert answer.returncode == 0
    assert "--connection-per-batch" in answer.stdout
    assert answer.stderr == ""
