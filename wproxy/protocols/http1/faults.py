"""Where a head is wrong, for those who look at what somebody has sent."""

from __future__ import annotations

import re

from wproxy.protocols.http1.fields import CONTENT_LENGTH, TOKEN, TRANSFER_ENCODING, Lines

_NAME = re.compile(TOKEN)
_VALUE = re.compile(rb"[^\x00\r]*")
_REQUEST = TOKEN + rb"[ \t]+[!-\"$-\x7f]+[ \t]+HTTP/[0-9]\.[0-9]"
_RESPONSE = rb"HTTP/[0-9]\.[0-9] [^\x00\r]*"
_FIRST_LINE = re.compile(rb"(?:" + _REQUEST + rb"|" + _RESPONSE + rb")\r?\n")


def position(data: bytes) -> int:
    """Return the offset of the first byte that is wrong in a head; of a wrong length, where its value begins."""
    at = len(data) - len(data.lstrip(b"\r\n"))
    first = _FIRST_LINE.match(data, at)
    if first is None:
        return _end(_NAME.match(data, at), at)
    known, framing = Lines(), 0
    at = first.end()
    while at < len(data):
        end = data.find(b"\n", at)
        line = data[at : len(data) if end < 0 else end].removesuffix(b"\r")
        if not line:
            break
        field = known[line]
        if field is None and line[:1] not in (b" ", b"\t"):
            name = _end(_NAME.match(data, at), at)
            colon = data[name : name + 1] == b":" and name > at
            return _end(_VALUE.match(data, name, at + len(line)), name) if colon else name
        if field is not None and field.mark & (CONTENT_LENGTH | TRANSFER_ENCODING) and not framing:
            framing = at + line.index(b":") + 1
            framing += len(line) - line.index(b":") - 1 - len(line.partition(b":")[2].lstrip(b" \t"))
        at += len(line) + (2 if data[at + len(line) : at + len(line) + 1] == b"\r" else 1)
    return framing


def _end(match: re.Match[bytes] | None, otherwise: int) -> int:
    return otherwise if match is None else match.end()
