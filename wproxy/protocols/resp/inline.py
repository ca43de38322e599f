"""Splits an inline command into arguments, with the quoting of redis-server's `sdssplitargs`."""

from __future__ import annotations

import re

from wproxy.errors import WproxyError


class InlineError(WproxyError):
    """Quotes that do not close. Raised by `split_inline`, caught by the request parser."""


# Possessive repeats: what an escape has taken is never read another way, neither for a match nor for a failure's sake.
# A \v or \f separates arguments but does not end one, as in Redis.
_TOKEN = re.compile(
    rb"""
    (?P<space>  [ \t\n\v\f\r\0]+ )
  | (?P<double> " (?: \\x[0-9a-fA-F]{2} | \\. | [^"\\] )*+ " (?= [ \t\n\v\f\r\0] | \Z ) )
  | (?P<single> ' (?: \\' | [^'] )*+ ' (?= [ \t\n\v\f\r\0] | \Z ) )
  | (?P<plain>  [^ \t\n\r\0"']+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split_inline(line: bytes) -> list[bytes]:
    r"""Return the arguments of `line`; raise InlineError when a quote is not closed or not followed by a space.

    In double quotes `\xHH`, `\n`, `\r`, `\t`, `\b`, `\a` and escaped characters are known, in single ones only `\'`.
    A quoted part continues the argument in front of it, as in Redis: `a"b"` is `ab`.
    """
    arguments: list[bytes] = []
    current: bytes | None = None
    at = 0
    while at < len(line):
        token = _TOKEN.match(line, at)
        if token is None:
            raise InlineError("unbalanced quotes in request")
        at = token.end()
        if token.lastgroup == "space":
            if current is not None:
                arguments.append(current)
            current = None
        else:
            current = (current or b"") + _text(token)
    if current is not None:
        arguments.append(current)
    return arguments


def _text(token: re.Match[bytes]) -> bytes:
    text = token.group()
    if token.lastgroup == "double":
        return _ESCAPE.sub(_unescape, text[1:-1])
    if token.lastgroup == "single":
        return text[1:-1].replace(b"\\'", b"'")
    return text


def _unescape(escape: re.Match[bytes]) -> bytes:
    code, char = escape.groups()
    if code is not None:
        return bytes.fromhex(code.decode())
    return _NAMED.get(char, char)
