"""The parts of a request's target: path, query, authority; what can be asked about them (manual, section 7.3.6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Address

from wproxy.config.acl import arguments
from wproxy.config.acl.facts import Binary, HttpFacts, Kind, Stage, Value
from wproxy.config.acl.fetch import Fetch, Lister, plain
from wproxy.config.acl.hashes import FUNCTIONS, avalanche
from wproxy.config.acl.samples import number_of

_SLASH = 0x2F
_AUTHORITY = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")
_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([0-9.]+)(?::([0-9]+))?(?:[/?]|$)")


def path_at(target: bytes) -> int:
    """Return where the path of `target` begins, -1 when it has none."""
    if target[0] == _SLASH:
        return 0
    authority = _AUTHORITY.match(target)
    if authority is None or not target.startswith(b"/", authority.end()):
        return -1
    return authority.end()


def pathq_of(target: bytes) -> bytes | None:
    """Return path and query of `target`."""
    begin = path_at(target)
    return None if begin < 0 else target[begin:]


def path_of(target: bytes) -> bytes | None:
    """Return the path of `target`."""
    pathq = pathq_of(target)
    return None if pathq is None else pathq.partition(b"?")[0]


def _path(facts: HttpFacts) -> str | None:
    target = facts.request.target
    if target[0] == _SLASH:
        end = target.find(b"?")
        return (target if end < 0 else target[:end]).decode("latin-1")
    path = path_of(target)
    return None if path is None else path.decode("latin-1")


def _pathq(facts: HttpFacts) -> str | None:
    pathq = pathq_of(facts.request.target)
    return None if pathq is None else pathq.decode("latin-1")


def _url(facts: HttpFacts) -> str:
    return facts.request.target.decode("latin-1")


def _query(facts: HttpFacts) -> str | None:
    pathq = pathq_of(facts.request.target)
    if pathq is None:
        return None
    _, mark, query = pathq.partition(b"?")
    return query.decode("latin-1") if mark else None


def _host(facts: HttpFacts) -> str:
    hosts = facts.request.values(b"host")
    return hosts[0].decode("latin-1") if hosts else ""


def _base(facts: HttpFacts) -> str | None:
    return _host(facts) + (_path(facts) or "") or None


def _baseq(facts: HttpFacts) -> str | None:
    return _host(facts) + (_pathq(facts) or "") or None


def _hashed(text: str) -> int:
    return avalanche(FUNCTIONS["sdbm"](text.encode("latin-1")))


def _base32(facts: HttpFacts) -> int:
    return _hashed(_base(facts) or "")


def _url32(facts: HttpFacts) -> int:
    return _hashed(_host(facts) + (_pathq(facts) or ""))


def _with_source(number: Callable[[HttpFacts], int], facts: HttpFacts) -> Value | None:
    if facts.source is None:
        return None
    return Binary((number(facts).to_bytes(4, "big") + facts.source).decode("latin-1"))


def _url_ip(facts: HttpFacts) -> Value | None:
    found = _HOST.match(_url(facts))
    try:
        return None if found is None else IPv4Address(found[1]).packed
    except ValueError:
        return None


def _url_port(facts: HttpFacts) -> Value | None:
    found = _HOST.match(_url(facts))
    return None if found is None else int(found[2] or 80)


def parameters(name: str, delimiter: str) -> Callable[[HttpFacts], Iterator[str]]:
    """Return what lists the values of the parameter `name` in what follows `delimiter`; "" is any name.

    Parameters end at &, ; or the delimiter, and without = they are none.
    """
    begins = delimiter.encode("latin-1")
    ends = b"&;" + re.escape(begins)
    wanted = re.escape(name.encode("latin-1")) or b"[^=%b]*" % ends
    find = re.compile(b"(?:^|[%b])%b=([^%b]*)" % (ends, wanted, ends)).finditer

    def values(facts: HttpFacts) -> Iterator[str]:
        pathq = pathq_of(facts.request.target)
        _, mark, query = (pathq or b"").partition(begins)
        if mark:
            for match in find(query):
                yield match[1].decode("latin-1")

    return values


def _parameter(name: str, delimiter: str) -> Callable[[HttpFacts], str | None]:
    values = parameters(name, delimiter)
    return lambda facts: next(values(facts), None)


def _parameters(name: str, delimiter: str) -> Lister:
    return parameters(name, delimiter)


def _parameter_value(name: str, delimiter: str) -> Callable[[HttpFacts], int | None]:
    values = parameters(name, delimiter)

    def fetch(facts: HttpFacts) -> int | None:
        value = next(values(facts), None)
        return None if value is None else number_of(value)

    return fetch


_REQUEST = partial(plain, stages=Stage.REQUEST)
_PARAMETER = (arguments.text, arguments.delimiter)

TARGET_FETCHES = (
    _REQUEST("path", Kind.STRING, _path),
    _REQUEST("pathq", Kind.STRING, _pathq),
    _REQUEST("url", Kind.STRING, _url),
    _REQUEST("query", Kind.STRING, _query),
    _REQUEST("base", Kind.STRING, _base),
    _REQUEST("baseq", Kind.STRING, _baseq),
    _REQUEST("base32", Kind.INTEGER, _base32),
    _REQUEST("base32+src", Kind.BINARY, partial(_with_source, _base32)),
    _REQUEST("url32", Kind.INTEGER, _url32),
    _REQUEST("url32+src", Kind.BINARY, partial(_with_source, _url32)),
    _REQUEST("url_ip", Kind.ADDRESS, _url_ip),
    _REQUEST("url_port", Kind.INTEGER, _url_port),
    Fetch("urlp", Kind.STRING, _parameter, _PARAMETER, Stage.REQUEST, _parameters),
    Fetch("url_param", Kind.STRING, _parameter, _PARAMETER, Stage.REQUEST, _parameters),
    Fetch("urlp_val", Kind.INTEGER, _parameter_value, _PARAMETER, Stage.REQUEST),
)
