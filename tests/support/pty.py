"""A terminal for a program that looks whether it has one."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress


def run_in_terminal(command: list[str], env: dict[str, str] | None = None, columns: int = 100) -> tuple[int, str]:
    """Run `command` with a terminal as its standard output; return its exit code and what it drew."""
    leader, follower = os.openpty()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=follower,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})},
        )
        os.close(follower)
        drawn = bytearray()
        # Reading the leader fails with EIO once the last writer has closed its end.
        with suppress(OSError):
            while chunk := os.read(leader, 65536):
                drawn += chunk
        return process.wait(30), drawn.decode()
    finally:
        os.close(leader)
