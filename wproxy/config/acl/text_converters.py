"""Converters of texts (manual, section 7.3.1)."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, unquote_to_bytes

from wproxy.config.acl import arguments
from wproxy.config.acl.converter import Convert, Converter, looked_up, simple
from wproxy.config.acl.facts import Binary, HttpFacts, Kind, Value
from wproxy.config.acl.json_text import DECODERS, escaped
from wproxy.config.acl.regex import compile_regex, replacement
from wproxy.config.acl.samples import lower, text_of, upper
from wproxy.config.acl.scope import Scope
from wproxy.config.values import ArgumentError

_HEX = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_PORT = re.compile(r"(\[[^\]]*\]|.*(?=:)|[^:]*)(?::([^:]*))?", re.DOTALL)


def _pieces(text: str, separators: str) -> list[tuple[int, int]]:
    """Return begin and end of each piece between `separators`."""
    pieces = []
    begin = 0
    for at, char in enumerate(text):
        if char in separators:
            pieces.append((begin, at))
            begin = at + 1
    pieces.append((begin, len(text)))
    return pieces


def _range(text: str, pieces: list[tuple[int, int]], index: int, count: int) -> str | None:
    """Return `count` pieces from the one called `index` on, in its direction; 0 is all that follow."""
    total = len(pieces)
    if abs(index) > total:
        return None
    if index > 0:
        first = index - 1
        last = total - 1 if count == 0 else min(first + count - 1, total - 1)
    else:
        last = total + index
        first = 0 if count == 0 else max(last - count + 1, 0)
    return text[pieces[first][0] : pieces[last][1]]


def _field(index: int, separators: str, count: int) -> Callable[[str], str | None]:
    return lambda text: _range(text, _pieces(text, separators), index, count)


def _word(index: int, separators: str, count: int) -> Callable[[str], str]:
    def convert(text: str) -> str:
        words = [piece for piece in _pieces(text, separators) if piece[0] < piece[1]]
        found = _range(text, words, index, count)
        if found is None:
            return ""
        # Where more are asked for than there are, what separates is part of it up to the end of the text.
        available = len(words) - abs(index) + 1
        if 0 < count <= available:
            return found
        return text[words[index - 1][0] :] if index > 0 else text[: words[index][1]]

    return convert


def _index(text: str, scope: Scope) -> int:
    number = arguments.integer(text, scope)
    if not number:
        raise ArgumentError("takes 1 for the first, -1 for the last, not 0")
    return number


def _separators(text: str, scope: Scope) -> str:
    if not text:
        raise ArgumentError("expects characters that separate")
    return arguments.text(text, scope)


def _count(text: str, scope: Scope) -> int:
    return arguments.index(text, scope) if text else 1


def _length(text: str, scope: Scope) -> int | None:
    return arguments.integer(text, scope) if text else None


def _bytes(offset: int, length: int | None) -> Callable[[str], str]:
    def convert(data: str) -> str:
        if offset < 0 or offset >= len(data):
            return Binary("")
        return Binary(data[offset:] if length is None or length < 0 else data[offset : offset + length])

    return convert


def _flags(text: str, scope: Scope) -> str:
    if not set(text) <= {"g", "i"}:
        raise ArgumentError(f"knows the flags g and i, not '{text}'")
    return text


def _substitute(regex: str, template: str, flags: str) -> Callable[[str], str]:
    compiled = compile_regex(regex, ignore_case="i" in flags)
    make = replacement(template)
    count = 0 if "g" in flags else 1
    return lambda text: compiled.sub(make, text, count)


def _concat(begin: str, name: str, end: str) -> Convert:
    def convert(text: str, facts: HttpFacts) -> str:
        value = looked_up(facts, name) if name else None
        return text + begin + ("" if value is None else text_of(value)) + end

    return convert


def _add_item(delimiter: str, name: str, end: str) -> Convert:
    def convert(text: str, facts: HttpFacts) -> str:
        value = looked_up(facts, name) if name else None
        more = ("" if value is None else text_of(value)) + end
        return text + delimiter + more if text and more else text + more

    return convert


def _compared(name: str) -> Convert:
    def convert(text: str, facts: HttpFacts) -> int | None:
        value = looked_up(facts, name)
        if value is None:
            return None
        other = text_of(value)
        for one, two in zip(text, other, strict=False):
            if one != two:
                return ord(one) - ord(two)
        return len(text) - len(other)

    return convert


def _same(name: str) -> Convert:
    def convert(data: str, facts: HttpFacts) -> bool | None:
        value = looked_up(facts, name)
        if not isinstance(value, str) or len(value) != len(data):
            return None if value is None else False
        different = 0
        for one, two in zip(data, value, strict=True):
            different |= ord(one) ^ ord(two)
        return not different

    return convert


def _before_line_end(text: str) -> str:
    return re.split(r"[\r\n]", text, maxsplit=1)[0]


def _left_trimmed(characters: str) -> Callable[[str], str]:
    return lambda text: text.lstrip(characters)


def _right_trimmed(characters: str) -> Callable[[str], str]:
    return lambda text: text.rstrip(characters)


def _hex(data: str) -> str:
    return data.encode("latin-1").hex().upper()


def _hex_number(text: str) -> int | None:
    digits = re.match(r"[0-9A-Fa-f]{1,16}", text)
    if digits is None:
        return None
    number = int(digits[0], 16)
    return number - 2**64 if number >= 2**63 else number


def _base64(data: str) -> str:
    return b64encode(data.encode("latin-1")).decode()


def _url_base64(data: str) -> str:
    return urlsafe_b64encode(data.encode("latin-1")).decode().rstrip("=")


def _from_base64(text: str) -> Value | None:
    try:
        return Binary(b64decode(text.encode("latin-1"), validate=True).decode("latin-1"))
    except Base64Error:
        return None


def _from_url_base64(text: str) -> Value | None:
    if not re.fullmatch(r"[A-Za-z0-9_-]*={0,2}", text):
        return None
    bare = text.rstrip("=")
    try:
        return Binary(urlsafe_b64decode(bare.encode() + b"=" * (-len(bare) % 4)).decode("latin-1"))
    except Base64Error:
        return None


def _url_decoded(in_form: int) -> Callable[[str], str | None]:
    def convert(text: str) -> str | None:
        if "%" in text and _HEX.search(text):
            return None
        if in_form:
            text = text.replace("+", " ")
        else:
            before, mark, after = text.partition("?")
            text = before + mark + after.replace("+", " ")
        return unquote_to_bytes(text.encode("latin-1")).decode("latin-1")

    return convert


def _url_encoded(kind: None) -> Callable[[str], str]:
    return lambda text: quote(text.encode("latin-1"), safe="")


def _host_only(text: str) -> str:
    match = _HOST_PORT.match(text)
    assert match is not None  # it matches nothing, too
    return lower(match[1])


def _port_only(text: str) -> int:
    match = _HOST_PORT.match(text)
    assert match is not None
    return int(match[2]) if match[2] and match[2].isascii() and match[2].isdigit() else 0


def _language(known: str, default: str) -> Callable[[str], str | None]:
    """Return what finds the best language of an Accept-Language field that is among `known`."""
    names = known.split(";")

    def convert(text: str) -> str | None:
        best, quality = None, 0.0
        for part in text.split(","):
            name, _, parameter = part.strip(" \t").partition(";")
            weight = _quality(parameter)
            name = name.strip(" \t")
            found = name if name in names else name.partition("-")[0]
            if found in names and weight > quality:
                best, quality = found, weight
        return best if best is not None else default or None

    return convert


def _quality(parameter: str) -> float:
    found = re.match(r"\s*q=([01](?:\.[0-9]{0,3})?)", parameter)
    return float(found[1]) if found else 1.0


_TEXT = (Kind.STRING, Kind.STRING)
_ITEM = (arguments.text, arguments.optional_variable, arguments.text)

TEXT_CONVERTERS = (
    simple("lower", *_TEXT, lower),
    simple("upper", *_TEXT, upper),
    simple("length", Kind.STRING, Kind.INTEGER, len),
    Converter("field", *_TEXT, _field, (_index, _separators, _count)),
    Converter("word", *_TEXT, _word, (_index, _separators, _count)),
    Converter("bytes", Kind.BINARY, Kind.BINARY, _bytes, (arguments.integer, _length)),
    Converter("regsub", *_TEXT, _substitute, (arguments.text, arguments.text, _flags)),
    Converter("concat", *_TEXT, _concat, _ITEM, of_request=True),
    Converter("add_item", *_TEXT, _add_item, _ITEM, of_request=True),
    Converter("strcmp", Kind.STRING, Kind.INTEGER, _compared, (arguments.variable,), of_request=True),
    Converter("secure_memcmp", Kind.BINARY, Kind.BOOLEAN, _same, (arguments.variable,), of_request=True),
    simple("cut_crlf", *_TEXT, _before_line_end),
    Converter("ltrim", *_TEXT, _left_trimmed, (arguments.string,)),
    Converter("rtrim", *_TEXT, _right_trimmed, (arguments.string,)),
    simple("hex", Kind.BINARY, Kind.STRING, _hex),
    simple("hex2i", Kind.STRING, Kind.INTEGER, _hex_number),
    simple("base64", Kind.BINARY, Kind.STRING, _base64),
    simple("ub64enc", Kind.BINARY, Kind.STRING, _url_base64),
    simple("b64dec", Kind.STRING, Kind.BINARY, _from_base64),
    simple("ub64dec", Kind.STRING, Kind.BINARY, _from_url_base64),
    Converter("url_dec", *_TEXT, _url_decoded, (arguments.optional_integer,)),
    Converter("url_enc", *_TEXT, _url_encoded, (arguments.one_of(query=None),)),
    simple("host_only", *_TEXT, _host_only),
    simple("port_only", Kind.STRING, Kind.INTEGER, _port_only),
    Converter("json", *_TEXT, partial(partial, escaped), (arguments.one_of(**DECODERS),)),
    Converter("language", *_TEXT, _language, (arguments.string, arguments.text)),
)
