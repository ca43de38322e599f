"""Compiles log-format strings of rules into functions of a request (manual, section 8.2.6).

Values of expressions are made safe for a head: control characters are sent as `%0D`. What is not there is "".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from wproxy.config.acl.facts import HttpFacts, Value
from wproxy.config.acl.samples import text_of
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.targets import path_of
from wproxy.config.formats import Flags, Piece, Text, Variable, parse_format
from wproxy.config.http.moments import MOMENTS

Format: TypeAlias = Callable[[HttpFacts], str]

_ESCAPED = {ord(char): f"\\{char}" for char in '"\\]'}
_UNSAFE = {code: f"%{code:02X}" for code in [*range(0x20), 0x7F] if code != 0x09}


def _address(address: bytes | None) -> str:
    return "unix" if address is None else str(ip_address(address))


def _target(facts: HttpFacts) -> str:
    return facts.request.target.decode("latin-1")


def _path(facts: HttpFacts) -> str:
    return (path_of(facts.request.target) or b"").decode("latin-1")


def _query(facts: HttpFacts) -> str:
    _, mark, query = _target(facts).partition("?")
    return mark + query


def _version(facts: HttpFacts) -> str:
    return f"HTTP/1.{facts.request.minor}"


def _request_line(facts: HttpFacts) -> str:
    line = b"%b %b" % (facts.method, facts.target)
    return f"{line.decode('latin-1')} {_version(facts)}"


def _seconds(facts: HttpFacts) -> int:
    return facts.process.date_us() // 1_000_000


def _milliseconds(facts: HttpFacts) -> str:
    return f"{facts.process.date_us() // 1_000 % 1_000:03d}"


def _date(layout: str, *, local: bool) -> Callable[[HttpFacts], str]:
    return lambda facts: facts.process.date_text(layout, _seconds(facts), local=local)


def _accept_date(facts: HttpFacts) -> str:
    second = facts.process.date_text("%d/%b/%Y:%H:%M:%S", _seconds(facts), local=True)
    return f"{second}.{_milliseconds(facts)}"


_GMT = _date("%d/%b/%Y:%H:%M:%S +0000", local=False)
_LOCAL = _date("%d/%b/%Y:%H:%M:%S %z", local=True)

VARIABLES: dict[str, Callable[[HttpFacts], str | int | bytes | None]] = {
    "H": lambda facts: facts.process.host_name,
    "HM": lambda facts: facts.request.method.decode("latin-1"),
    "HP": lambda facts: _target(facts).partition("?")[0],
    "HPO": _path,
    "HQ": _query,
    "HU": _target,
    "HV": _version,
    "ST": lambda facts: -1 if facts.response is None else facts.response.status,
    "T": _GMT,
    "Tl": _LOCAL,
    "Ts": _seconds,
    "b": lambda facts: facts.backend_name or facts.frontend_name,
    "ci": lambda facts: facts.source,
    "cp": lambda facts: facts.source_port,
    "f": lambda facts: facts.frontend_name,
    "fi": lambda facts: facts.destination,
    "fp": lambda facts: facts.destination_port,
    "ft": lambda facts: facts.frontend_name + ("~" if facts.tls is not None else ""),
    "ms": _milliseconds,
    "r": _request_line,
    "s": lambda facts: facts.server_name or "<NOSRV>",
    "t": _accept_date,
    "tr": _accept_date,
    "trg": _GMT,
    "trl": _LOCAL,
    **MOMENTS,
}


def compile_format(text: str, scope: Scope) -> Format:
    """Return what makes the text for a request; raise ArgumentError."""
    pieces = parse_format(text, VARIABLES, scope)
    if not pieces:
        return lambda facts: ""
    parts = [_part(piece) for piece in pieces]
    if len(parts) == 1:
        return parts[0]
    return lambda facts: "".join([part(facts) for part in parts])


def constant(text: str, scope: Scope) -> str | None:
    """Return the text that `text` always makes, None when it depends on the request."""
    pieces: Sequence[Piece] = parse_format(text, VARIABLES, scope)
    if not pieces:
        return ""
    only = pieces[0]
    return only.text if isinstance(only, Text) and len(pieces) == 1 else None


def _part(piece: Piece) -> Format:
    match piece:
        case Text(fixed):
            return lambda facts: fixed
        case Variable(name, flags):
            return _variable(name, flags)
    return _expression(piece.sample.fetch, piece.flags)


def _expression(fetch: Callable[[HttpFacts], Value | None], flags: Flags) -> Format:
    def value(facts: HttpFacts) -> str:
        found = fetch(facts)
        if found is None:
            return ""
        text = text_of(found)
        if not text.isprintable():
            text = text.translate(_UNSAFE)
        return text.translate(_ESCAPED) if flags.escaped else text

    return value


def _variable(name: str, flags: Flags) -> Format:
    value = VARIABLES[name]

    def made(facts: HttpFacts) -> str:
        found = value(facts)
        if isinstance(found, int):
            return f"{found:04X}" if flags.hexadecimal else str(found)
        if found is None or isinstance(found, bytes):
            text = found.hex().upper() if flags.hexadecimal and found is not None else _address(found)
        else:
            text = found
        if flags.escaped:
            text = text.translate(_ESCAPED)
        return f'"{text}"' if flags.quoted else text

    return made
