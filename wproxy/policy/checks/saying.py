"""What a server has said, as it is shown: at most as much as HAProxy keeps of it, up to a zero byte."""

from __future__ import annotations

import re
from codecs import utf_8_decode

_SHOWN_BYTES = 127
_LINE_END = re.compile(rb"[\r\n]")


def text(data: bytes) -> str:
    """Return `data` up to a zero byte."""
    said = data.partition(b"\0")[0]
    return utf_8_decode(said[:_SHOWN_BYTES], "replace", len(said) <= _SHOWN_BYTES)[0]  # without half a letter


def line(data: bytes) -> str:
    """Return the first line of `data`."""
    return text(_LINE_END.split(data, 1)[0])
