r"""A regular expression that knows lengths: of `2\r\nabc` it matches `2\r\nab`.

A regular expression cannot count, but it can list: each length is an alternative of its own, found digit by digit
(`1(?:\r\n.|0\r\n.{10}|1\r\n.{11}|…)`). So a match needs no further check, and the bytes may be any, CR and LF included.
"""

from __future__ import annotations


def sized(most: int) -> bytes:
    r"""Return the source of an expression for a length from 0 to `most` (at least 9), CRLF and as many bytes.

    For use with re.DOTALL. Lengths are written as Redis takes them, without a sign or zeros in front.
    """
    return b"(?:%b)" % b"|".join(b"%d%b" % (digit, _after(digit, most)) for digit in (*range(1, 10), 0))


def _after(number: int, most: int) -> bytes:
    """Return what may follow the digits of `number`: its bytes, or another digit."""
    end = b"\r\n.{%d}" % number
    longer = [digit for digit in range(10) if number > 0 and number * 10 + digit <= most]
    if not longer:
        return end
    return b"(?:%b|%b)" % (end, b"|".join(b"%d%b" % (digit, _after(number * 10 + digit, most)) for digit in longer))


def payloads(most: int) -> list[slice]:
    """Return, by the length of what `sized(most)` has matched, where in it the bytes stand."""
    places = [slice(0)] * (len(str(most)) + 2 + most + 1)
    for size in range(most + 1):
        begin = len(str(size)) + 2
        places[begin + size] = slice(begin, None)
    return places
