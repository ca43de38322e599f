"""Which system calls a program makes, and which ones a unit of systemd's lets it make."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from tests.support.programs import need

_CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.MULTILINE)


def traced(command: list[str], output: Path) -> list[str]:
    """Return the command that runs `command` and writes each system call of it and of its children to `output`."""
    return [need("strace"), "-f", "-qq", "-o", str(output), *command]


def calls(output: Path) -> list[tuple[str, str]]:
    """Return the names and arguments of the calls."""
    return _CALL.findall(output.read_text(errors="replace"))


@cache
def members(group: str) -> frozenset[str]:
    """Return the calls of a group, `@system-service`; a group may consist of others."""
    shown = subprocess.run(
        [need("systemd-analyze"), "--no-pager", "syscall-filter", group], capture_output=True, text=True, check=True
    ).stdout
    words = [line.strip() for line in shown.splitlines()[1:]]
    found: set[str] = set()
    for word in words:
        if word.startswith("@"):
            found |= members(word)
        elif word and not word.startswith("#"):
            found.add(word)
    return frozenset(found)


def refused(made: list[tuple[str, str]], filters: list[str]) -> set[str]:
    """Return which of the calls `SystemCallFilter=` lines and MemoryDenyWriteExecute do not let through."""
    allowed: set[str] = set()
    for line in filters:
        words = line.removeprefix("~").split()
        groups = frozenset[str]().union(*(members(word) if word.startswith("@") else {word} for word in words))
        allowed = allowed - groups if line.startswith("~") else allowed | groups
    names = {name for name, _ in made} - allowed
    return names | {f"{name} that is executable" for name, arguments in made if _makes_code(name, arguments)}


def _makes_code(name: str, arguments: str) -> bool:
    """Tell whether a call makes memory executable that can be, or could have been, written to."""
    if name == "mmap":
        return "PROT_WRITE" in arguments and "PROT_EXEC" in arguments
    return name in ("mprotect", "pkey_mprotect") and "PROT_EXEC" in arguments
