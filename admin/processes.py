"""Reads `show proc`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the proxy: `old` ones only finish their sessions, `reloads` came before it began."""

    pid: int
    kind: str
    reloads: int
    uptime: str
    old: bool


def parse_processes(text: str) -> list[Process]:
    """Return the processes that `show proc` lists."""
    found, old = [], False
    for line in text.splitlines():
        if line.startswith("#"):
            old = line.startswith("# old")
        elif len(words := line.split()) >= 4 and words[0].isdecimal():
            found.append(Process(int(words[0]), words[1], int(words[2]), words[3], old))
    return found
