"""A terminal for a program that looks whether it has one."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import subprocess
import termios
import time
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


def type_in_terminal(command: list[str], wanted: str, keys: bytes, timeout_s: float = 10.0) -> tuple[int, str]:
    """Run `command` with a terminal of 140 × 40; type `keys` once `wanted` is drawn; return exit code and drawing."""
    leader, follower = os.openpty()
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(follower)
    drawn, typed, deadline = bytearray(), False, time.monotonic() + timeout_s
    try:
        with suppress(OSError):
            while time.monotonic() < deadline and select.select([leader], [], [], timeout_s)[0]:
                drawn += os.read(leader, 65536)
                if not typed and wanted in drawn.decode(errors="replace"):
                    os.write(leader, keys)
                    typed = True
        return process.wait(timeout_s), drawn.decode(errors="replace")
    finally:
        if process.poll() is None:
            process.kill()
        os.close(leader)
