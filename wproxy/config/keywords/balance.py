"""The keywords `balance` and `hash-type`: the algorithm that chooses the server (manual, section 4.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft, RuleLine
from wproxy.config.grammar import Report, Statement, at_most
from wproxy.config.http.hashing import HashedPart
from wproxy.config.model import DRAWS, HashType, Mode
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

_CONNECTIONS = (Mode.TCP, Mode.HTTP)

# Each algorithm and the modes that have it; `policy.balance.algorithms` has the same names.
ALGORITHMS: dict[str, tuple[Mode, ...]] = {
    "roundrobin": (*_CONNECTIONS, Mode.REDIS),
    "static-rr": _CONNECTIONS,
    "leastconn": _CONNECTIONS,
    "first": _CONNECTIONS,
    "random": _CONNECTIONS,
    "source": _CONNECTIONS,
    "uri": (Mode.HTTP,),
    "url_param": (Mode.HTTP,),
    "hdr": (Mode.HTTP,),
    "hash": (Mode.HTTP,),
    "key": (Mode.REDIS,),
}
# Of requests: in mode tcp HAProxy warns and serves in turn.
REQUEST_HASHES = ("uri", "url_param", "hdr")
_REFUSED = ("rdp-cookie",)

_CALL = re.compile(r"([^()]*)(?:\(([^()]*)(\)?))?(.*)", re.DOTALL)
_METHODS = ("map-based", "consistent")
_FUNCTIONS = ("sdbm", "djb2", "crc32", "wt6")
_WITH_ARGUMENT = ("random", "hdr")


def balance(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note the algorithm of `proxy`."""
    word, *options = statement.arguments or ("roundrobin",)
    name, argument = _call(word)
    if name in _REFUSED:
        raise ArgumentError(f"{name} is not supported by wproxy; it knows {_known()}")
    if name not in ALGORITHMS:
        raise ArgumentError(f"knows {_known()}, not '{name}'{did_you_mean(name, ALGORITHMS)}")
    if argument and name not in _WITH_ARGUMENT:
        raise ArgumentError(f"{name} takes no argument in parentheses: '{argument}'")
    read = _HASHED.get(name)
    if read is None and options:
        raise ArgumentError(f"{name} cannot handle unexpected argument '{options[0]}'")
    proxy.hashed = HashedPart() if read is None else read(argument, options)
    proxy.hashed_line = RuleLine("balance", options[0], (), statement.location) if name == "hash" else None
    proxy.balance = name
    proxy.balance_location = statement.location
    proxy.draws = _draws(argument) if argument and name == "random" else DRAWS
    if "check_post" in options:
        report.ignore(statement.location, "balance url_param check_post", "bodies are not searched for the parameter")


def _call(word: str) -> tuple[str, str]:
    """Split `name(argument)`."""
    match = _CALL.fullmatch(word)
    name, argument, closing, rest = match.groups() if match else (word, None, "", "")
    if name in ALGORITHMS and argument is not None and not closing:
        raise ArgumentError(f"{name} : missing closing parenthesis in '{word}'")
    if name in ALGORITHMS and rest:
        raise ArgumentError(f"{name} : unexpected '{rest}' in '{word}'")
    return name, argument or ""


def _known() -> str:
    names = {
        mode: ", ".join(f"'{name}'" for name, modes in ALGORITHMS.items() if mode in modes)
        for mode in (Mode.HTTP, Mode.REDIS)
    }
    return f"{names[Mode.HTTP]} and, in mode redis, {names[Mode.REDIS]}"


def _draws(text: str) -> int:
    number = values.integer(text, -1)
    if number < 1:
        raise ArgumentError("random : number of draws must be at least 1")
    return number


# -- what is hashed ------------------------------------------------------------------------------------------------


def _uri(argument: str, options: Sequence[str]) -> HashedPart:
    limits: dict[str, int] = {}
    flags: set[str] = set()
    words = iter(options)
    for word in words:
        if word in ("len", "depth"):
            limits[word] = _limit(word, words)
        elif word in ("whole", "path-only"):
            flags.add(word)
        else:
            raise ArgumentError(
                f"uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{word}')"
                f"{did_you_mean(word, ('len', 'depth', 'path-only', 'whole'))}"
            )
    return HashedPart(
        length=limits.get("len", 0),
        depth=limits.get("depth", 0),
        whole="whole" in flags,
        path_only="path-only" in flags,
    )


def _limit(word: str, words: Iterator[str]) -> int:
    text = next(words, "")
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ArgumentError(f"uri : '{word}' expects a positive integer (got '{text}')")
    return int(text)


def _url_param(argument: str, options: Sequence[str]) -> HashedPart:
    if not options:
        raise ArgumentError("url_param requires an URL parameter name")
    if options[1:] and options[1] != "check_post":
        raise ArgumentError(f"url_param only accepts 'check_post' modifier (got '{options[1]}')")
    return HashedPart(options[0])


def _hdr(argument: str, options: Sequence[str]) -> HashedPart:
    if not argument:
        raise ArgumentError("hdr requires an http header field name: hdr(host)")
    if options and options[0] != "use_domain_only":
        raise ArgumentError(f"hdr({argument}) only accepts 'use_domain_only' modifier (got '{options[0]}')")
    return HashedPart(argument.lower(), domain_only=bool(options))


def _hash(argument: str, options: Sequence[str]) -> HashedPart:
    """Return a part whose fetch is read when all proxies are known."""
    if not options:
        raise ArgumentError("hash requires a sample expression: hash req.cook(name)")
    if options[1:]:
        raise ArgumentError(f"hash takes no other argument (got '{options[1]}')")
    return HashedPart()


_HASHED: Mapping[str, Callable[[str, Sequence[str]], HashedPart]] = {
    "uri": _uri,
    "url_param": _url_param,
    "hdr": _hdr,
    "hash": _hash,
}


def hash_type(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note how the hash algorithms of `proxy` map a hash to a server."""
    at_most(statement, 3)
    method, function, modifier, *_ = (*statement.arguments, "", "", "")
    if method == "avalanche":
        raise ArgumentError("avalanche is no method since HAProxy 1.5: write 'hash-type map-based sdbm avalanche'")
    if method not in _METHODS:
        raise ArgumentError("only supports 'consistent' and 'map-based'")
    if function not in ("", *_FUNCTIONS):
        raise ArgumentError("only supports 'sdbm', 'djb2', 'crc32', or 'wt6' hash functions")
    if modifier not in ("", "avalanche"):
        raise ArgumentError("only supports 'avalanche' as a modifier for hash functions")
    consistent = method == "consistent"
    # A method alone means sdbm, with the modifier when it is "consistent".
    avalanche = bool(modifier) or (consistent and not function)
    proxy.hash_type = HashType(consistent, avalanche, function or "sdbm")
