"""Converters of numbers, dates and addresses (manual, section 7.3.1). Numbers stay within 64 bits, as HAProxy's do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from wproxy.config.acl import arguments
from wproxy.config.acl.converter import Convert, Converter, looked_up, simple
from wproxy.config.acl.facts import HttpFacts, Kind, Value
from wproxy.config.acl.networks import mask_of
from wproxy.config.acl.samples import INTEGER_MAX, INTEGER_MIN, number_of
from wproxy.config.acl.scope import Scope
from wproxy.config.values import ArgumentError

_MAPPED = bytes(10) + b"\xff\xff"
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000}
_DIGITS = {"s": 0, "ms": 3, "us": 6}


def _within(number: int) -> int:
    return max(INTEGER_MIN, min(number, INTEGER_MAX))


def _divided(one: int, other: int) -> int:
    """Return the quotient without its fraction; what is divided by 0 is as large as can be."""
    if not other:
        return INTEGER_MAX
    quotient = abs(one) // abs(other)
    return quotient if (one < 0) == (other < 0) else -quotient


def _rest(one: int, other: int) -> int:
    return one - _divided(one, other) * other if other else 0


def _calculation(operate: Callable[[int, int], int]) -> Callable[[int | str], Convert]:
    """Return what makes a converter with one more number, which may be that of a variable."""

    def make(operand: int | str) -> Convert:
        def convert(number: int, facts: HttpFacts) -> int | None:
            other: Value | None = looked_up(facts, operand) if isinstance(operand, str) else operand
            other = None if other is None else number_of(other)
            return None if other is None else _within(operate(number, other))

        return convert

    return make


def _calculating(name: str, operate: Callable[[int, int], int]) -> Converter:
    return Converter(
        name,
        Kind.INTEGER,
        Kind.INTEGER,
        _calculation(operate),
        (arguments.number_or_variable,),
        of_request=True,
    )


def _either(true: str, false: str) -> Callable[[bool], str]:
    return lambda value: true if value else false


def _mask(size: int) -> Callable[[str, Scope], int | None]:
    """Return the type of a mask of `size` bytes: its length, or written as an address."""

    def read(text: str, scope: Scope) -> int | None:
        mask = mask_of(text, size)
        if mask is None and ":" in text and size == 16:
            mask = int.from_bytes(arguments.ipv6(text, scope), "big")
        if text and mask is None:
            raise ArgumentError(f"expects a mask such as {'255.255.255.0 or 24' if size == 4 else '64'}, not '{text}'")
        return mask if text else None

    return read


def _masked(four: int | None, six: int | None) -> Callable[[bytes], bytes | None]:
    def convert(address: bytes) -> bytes | None:
        if len(address) == 16 and six is None and address.startswith(_MAPPED):
            address = address[12:]
        mask = four if len(address) == 4 else six
        if mask is None:
            return None
        return (int.from_bytes(address, "big") & mask).to_bytes(len(address), "big")

    return convert


def _http_date(offset: int, unit: str) -> Convert:
    def convert(number: int, facts: HttpFacts) -> str:
        seconds, rest = divmod(number + offset, _UNITS[unit])
        fraction = f".{rest:0{_DIGITS[unit]}d}" if _DIGITS[unit] else ""
        return facts.process.date_text(f"%a, %d %b %Y %H:%M:%S{fraction} GMT", seconds, local=False)

    return convert


def _date(layout: str, offset: int, *, local: bool) -> Convert:
    return lambda number, facts: facts.process.date_text(layout, number + offset, local=local)


_NUMBERS = (Kind.INTEGER, Kind.INTEGER)
_DATE = (arguments.string, arguments.optional_integer)

NUMBER_CONVERTERS = (
    _calculating("add", lambda one, other: one + other),
    _calculating("sub", lambda one, other: one - other),
    _calculating("mul", lambda one, other: one * other),
    _calculating("div", _divided),
    _calculating("mod", _rest),
    _calculating("and", lambda one, other: one & other),
    _calculating("or", lambda one, other: one | other),
    _calculating("xor", lambda one, other: one ^ other),
    simple("neg", *_NUMBERS, lambda number: _within(-number)),
    simple("cpl", *_NUMBERS, lambda number: ~number),
    simple("bool", Kind.INTEGER, Kind.BOOLEAN, bool),
    simple("not", Kind.INTEGER, Kind.BOOLEAN, lambda number: not number),
    simple("even", Kind.INTEGER, Kind.BOOLEAN, lambda number: number % 2 == 0),
    simple("odd", Kind.INTEGER, Kind.BOOLEAN, lambda number: number % 2 == 1),
    Converter("iif", Kind.BOOLEAN, Kind.STRING, _either, (arguments.text, arguments.text)),
    Converter("ipmask", Kind.ADDRESS, Kind.ADDRESS, _masked, (_mask(4), _mask(16))),
    Converter(
        "http_date",
        Kind.INTEGER,
        Kind.STRING,
        _http_date,
        (arguments.optional_integer, arguments.one_of(s="s", ms="ms", us="us")),
        of_request=True,
    ),
    Converter("ltime", Kind.INTEGER, Kind.STRING, partial(_date, local=True), _DATE, of_request=True),
    Converter("utime", Kind.INTEGER, Kind.STRING, partial(_date, local=False), _DATE, of_request=True),
)
