"""The converter `json`: a text as the inside of a JSON string (manual, section 7.3.1; RFC 8259, section 7)."""

from __future__ import annotations

import re

from wproxy.records import dataclass

_LETTERS = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# A sequence of UTF-8, however badly begun: a lead byte with the continuation bytes that it asks for, or one byte.
_SEQUENCE = re.compile(
    "[\x00-\x7f]|[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}|.", re.DOTALL
)
_SMALLEST = {1: 0, 2: 0x80, 3: 0x800, 4: 0x10000}


@dataclass(frozen=True, slots=True)
class Decoder:
    """How bytes are read: one character each, or as UTF-8, with which faults."""

    unicode: bool = True
    permissive: bool = False  # takes what is written longer than it need be
    silent: bool = False  # leaves out what cannot be read


DECODERS = {
    "ascii": Decoder(unicode=False),
    "utf8": Decoder(),
    "utf8s": Decoder(silent=True),
    "utf8p": Decoder(permissive=True),
    "utf8ps": Decoder(permissive=True, silent=True),
}


def escaped(decoder: Decoder, text: str) -> str | None:
    """Return `text` with everything but plain ASCII escaped, None where the decoder does not take it."""
    written = []
    for sequence in _SEQUENCE.findall(text) if decoder.unicode else text:
        number = _code(sequence, decoder)
        if number is None:
            if not decoder.silent:
                return None
        else:
            written.append(_written(number))
    return "".join(written)


def _code(sequence: str, decoder: Decoder) -> int | None:
    """Return the number of the character that `sequence` is; None for none, or one that JSON cannot write."""
    lead = ord(sequence[0])
    if not decoder.unicode or lead < 0x80:
        return lead
    if len(sequence) == 1:
        return None
    number = lead & (0xFF >> (len(sequence) + 1))
    for char in sequence[1:]:
        number = number << 6 | ord(char) & 0x3F
    if number < _SMALLEST[len(sequence)] and not decoder.permissive:
        return None
    if 0xD800 <= number <= 0xDFFF or number in (0xFFFE, 0xFFFF) or number > 0xFFFF:
        return None
    return number


def _written(number: int) -> str:
    char = chr(number)
    return _LETTERS.get(char) or (char if 0x20 <= number < 0x7F else f"\\u{number:04x}")
