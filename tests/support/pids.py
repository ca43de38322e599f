"""Asks the kernel about processes, children of the test or not."""

from __future__ import annotations

from pathlib import Path


def alive(pid: int) -> bool:
    """Tell whether process `pid` runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
