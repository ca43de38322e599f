"""Converters that look a sample up in a file of keys and values, `map` and its kin (manual, section 7.3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

from wproxy.config.acl.converter import Converter
from wproxy.config.acl.facts import Kind, Value
from wproxy.config.acl.matches import MATCHES, Pattern
from wproxy.config.acl.networks import NetworkMap
from wproxy.config.acl.regex import compile_regex, replacement
from wproxy.config.acl.samples import address_of, latin
from wproxy.config.acl.scope import Scope
from wproxy.config.values import ArgumentError

Entries: TypeAlias = Sequence[tuple[str, Any]]
Lookup: TypeAlias = Callable[[Any], Value | None]


def entries(path: str, scope: Scope) -> list[tuple[str, str]]:
    """Return the lines of a map file: a key, spaces, a value; lines that begin with # are comments."""
    if not path:
        raise ArgumentError("expects the name of a file")
    try:
        text = scope.read(path)
    except OSError as error:
        raise ArgumentError(f"cannot read the map '{path}': {error.strerror}") from None
    found = []
    for line in text.split("\n"):
        stripped = line.strip(" \t\r")
        if stripped and not line.startswith("#"):
            key, _, value = stripped.replace("\t", " ").partition(" ")
            found.append((key, stripped[len(key) :].strip(" \t") if value else ""))
    return found


def _exact(found: Entries) -> Lookup:
    """Look texts up; of several lines for one key the first counts."""
    table: dict[str, Value] = {}
    for key, value in found:
        table.setdefault(latin(key), value)
    return table.get


def _beginning(found: Entries) -> Lookup:
    """Find the longest key with which a text begins."""
    table: dict[str, Value] = {}
    for key, value in found:
        table.setdefault(latin(key), value)
    lengths = sorted({len(key) for key in table}, reverse=True)

    def lookup(text: str) -> Value | None:
        for length in lengths:
            if length <= len(text):
                value = table.get(text[:length])
                if value is not None:
                    return value
        return None

    return lookup


def _first(method: str, found: Entries) -> Lookup:
    """Find the first key that matches by `method`."""
    rows = [(MATCHES[method].make([Pattern(latin(key))]), value) for key, value in found]

    def lookup(sample: Value) -> Value | None:
        for matches, value in rows:
            if matches(sample):
                return value  # type: ignore[no-any-return] # read as the map's type says
        return None

    return lookup


def _rewriting(found: Entries) -> Lookup:
    """Find the first regular expression that matches; its groups take their places in the value."""
    rows = [(compile_regex(latin(key)), replacement(value)) for key, value in found]

    def lookup(text: str) -> str | None:
        for regex, make in rows:
            match = regex.search(text)
            if match is not None:
                return make(match)
        return None

    return lookup


def _network(found: Entries) -> Lookup:
    return NetworkMap(found).get


def _text(text: str) -> str:
    return latin(text)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"expects whole numbers as values, not '{text}'") from None


def _address(text: str) -> bytes:
    packed = address_of(text)
    if packed is None:
        raise ArgumentError(f"expects addresses as values, not '{text}'")
    return packed


_OUTPUTS: dict[str, tuple[Kind, Callable[[str], Value]]] = {
    "": (Kind.STRING, _text),
    "_str": (Kind.STRING, _text),
    "_int": (Kind.INTEGER, _number),
    "_ip": (Kind.ADDRESS, _address),
}

_LOOKUPS: dict[str, tuple[Kind, Callable[[Entries], Lookup]]] = {
    "str": (Kind.STRING, _exact),
    "beg": (Kind.STRING, _beginning),
    **{method: (Kind.STRING, partial(_first, method)) for method in ("dir", "dom", "end", "reg", "sub")},
    "int": (Kind.INTEGER, partial(_first, "int")),
    "ip": (Kind.ADDRESS, _network),
}


def _row(
    name: str, takes: Kind, build: Callable[[Entries], Lookup], gives: Kind, read: Callable[[str], Value]
) -> Converter:
    def file(path: str, scope: Scope) -> list[tuple[str, Value]]:
        return [(key, read(value)) for key, value in entries(path, scope)]

    def default(text: str, scope: Scope) -> Value | None:
        return read(text) if text else None

    def make(found: Entries, otherwise: Value | None) -> Lookup:
        lookup = build(found)
        if otherwise is None:
            return lookup

        def convert(sample: Value) -> Value:
            value = lookup(sample)
            return otherwise if value is None else value

        return convert

    return Converter(name, takes, gives, make, (file, default))


def _rows() -> Iterator[Converter]:
    for method, (takes, build) in _LOOKUPS.items():
        for suffix, (gives, read) in _OUTPUTS.items():
            yield _row(f"map_{method}{suffix}", takes, build, gives, read)
    yield _row("map", Kind.STRING, _exact, Kind.STRING, _text)
    yield _row("map_regm", Kind.STRING, _rewriting, Kind.STRING, _text)


MAP_CONVERTERS = tuple(_rows())
