"""The last requests and responses that broke a protocol, as `show errors` tells them, in HAProxy's form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from admin.client import refusal

_EVENTS = re.compile(r"Total events captured on \[[^]]*\] : ([0-9]+)")
_HEAD = re.compile(r"\[([^]]+)\] (frontend|backend) (\S+) \(#(-?[0-9]+)\): invalid (request|response)")
_SIDES = re.compile(
    r"  (?:frontend|backend) (\S+) \(#-?[0-9]+\), server (\S+) \(#-?[0-9]+\), event #([0-9]+)(?:, src (\S+))?"
)
_POSITION = re.compile(r"error at position ([0-9]+)")
_DUMPED = re.compile(r"  [0-9]{5,}[ +] ")


@dataclass(frozen=True, slots=True)
class Capture:
    """One fault: what was wrong, of whom, and the bytes around it, a line each as the proxy shows them."""

    event: int
    time: str
    side: str
    proxy: str
    other_proxy: str
    server: str
    source: str
    position: int | None
    about: tuple[str, ...]
    bytes: tuple[str, ...]


def parse_errors(answer: str) -> tuple[int, list[Capture]]:
    """Return how many faults there were, and those that are kept; raise RefusedError when `answer` is no such list."""
    first, *lines = answer.splitlines() or [""]
    total = _EVENTS.match(first)
    if total is None:
        raise refusal(answer)
    starts = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    return int(total[1]), [_capture(lines[start:end]) for start, end in pairwise([*starts, len(lines)])]


def _capture(lines: list[str]) -> Capture:
    """Read one paragraph; what a line of it misses stays empty."""
    head, rest = _HEAD.match(lines[0]), lines[1:]
    assert head is not None
    sides = _SIDES.match(rest[0]) if rest else None
    position = next((found[1] for line in rest if (found := _POSITION.search(line))), None)
    dumped = [line.strip(" ") for line in rest if _DUMPED.match(line)]
    about = [line.strip().removesuffix(" :") for line in rest[1:] if line.strip() and not _DUMPED.match(line)]
    return Capture(
        event=int(sides[3]) if sides else -1,
        time=head[1],
        side=head[5],
        proxy=head[3],
        other_proxy=_named(sides[1]) if sides else "",
        server=_named(sides[2]) if sides else "",
        source=(sides[4] or "") if sides else "",
        position=None if position is None else int(position),
        about=tuple(about),
        bytes=tuple(dumped),
    )


def _named(text: str) -> str:
    return "" if text.startswith("<") else text
