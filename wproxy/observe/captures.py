"""`show errors`: what broke a protocol, with the bytes around it (management manual, section 9.3)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from wproxy.state.captures import LIMIT, Capture, Captures, Side

_WIDTH = 70  # of the text behind an offset
_LETTERS = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x1B: "\\e", 0x5C: "\\\\"}
_ESCAPED = tuple(
    _LETTERS.get(code, chr(code) if chr(code).isascii() and chr(code).isprintable() else f"\\x{code:02X}")
    for code in range(256)
)
_LINE_END = 0x0A


def text(captures: Captures, now: float, date: datetime, proxy_id: int = -1, side: Side | None = None) -> str:
    """Return the captures of `proxy_id` (-1 for all) and `side` (None for both); `date` is what `now` is on clocks."""
    shown = "".join(
        _paragraph(number, capture, date - timedelta(seconds=now - capture.at))
        for number, capture in captures.select(proxy_id, side)
    )
    return f"Total events captured on [{_time(date)}] : {captures.total}\n{shown}"


def _paragraph(number: int, capture: Capture, date: datetime) -> str:
    excerpt, proxy, server = capture.excerpt, capture.proxy, capture.server
    is_request = capture.side is Side.REQUEST
    kind, other_kind = ("frontend", "backend") if is_request else ("backend", "frontend")
    other = capture.backend if is_request else capture.frontend
    source = "" if capture.source is None else ", src {}:{}".format(*capture.source)
    facts = "\n  ".join(capture.facts)
    bytes_ = "".join(f"  {line}\n" for line in dump(excerpt.data, excerpt.first))
    return (
        f" \n[{_time(date)}] {kind} {proxy.name} (#{proxy.number}): invalid {capture.side.value}\n"
        f"  {other_kind} {other.name} (#{other.number}), server {server.name} (#{server.number}), "
        f"event #{number}{source}\n"
        f"  buffer starts at {excerpt.first} (including 0 out), {LIMIT - len(excerpt.data)} free,\n"
        f"  len {len(excerpt.data)}, wraps at {LIMIT}, error at position {excerpt.position}\n"
        f"  {facts} :\n  \n{bytes_}"
    )


def dump(data: bytes, first: int = 0) -> Iterator[str]:
    r"""Yield `data` as lines of offset and text, each ended by the `\n` in it or by its width; `+` continues a line."""
    start, line, continued = 0, "", " "
    for at, code in enumerate(data):
        shown = _ESCAPED[code]
        if len(line) + len(shown) > _WIDTH:
            yield f"{first + start:05d}{continued} {line}"
            start, line, continued = at, "", "+"
        line += shown
        if code == _LINE_END:
            yield f"{first + start:05d}{continued} {line}"
            start, line, continued = at + 1, "", " "
    if line:
        yield f"{first + start:05d}{continued} {line}"


def _time(date: datetime) -> str:
    return f"{date:%d/%b/%Y:%H:%M:%S}.{date.microsecond // 1000:03d}"
