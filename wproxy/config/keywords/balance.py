"""The keywords `balance` and `hash-type`: the algorithm that chooses the server (manual, section 4.2)."""

from __future__ import annotations

import re

from wproxy.config import values
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Report, Statement, at_most
from wproxy.config.model import DRAWS, HashType, Mode
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
    "key": (Mode.REDIS,),
}
_REFUSED = ("uri", "url_param", "hdr", "rdp-cookie", "hash")

_CALL = re.compile(r"([^()]*)(?:\(([^()]*)(\)?))?(.*)", re.DOTALL)
_METHODS = ("map-based", "consistent")
_FUNCTIONS = ("sdbm", "djb2", "crc32", "wt6")


def balance(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """Note the algorithm of `proxy`."""
    word, *options = statement.arguments or ("roundrobin",)
    name, argument = _call(word)
    if name in _REFUSED:
        raise ArgumentError(f"{name} is not supported by wproxy yet; it knows {_known()}")
    if name not in ALGORITHMS:
        raise ArgumentError(f"knows {_known()}, not '{name}'")
    if options:
        raise ArgumentError(f"{name} cannot handle unexpected argument '{options[0]}'")
    if argument and name != "random":
        raise ArgumentError(f"{name} takes no argument in parentheses: '{argument}'")
    proxy.balance = name
    proxy.balance_location = statement.location
    proxy.draws = _draws(argument) if argument else DRAWS


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
    names = {mode: ", ".join(f"'{name}'" for name, modes in ALGORITHMS.items() if mode in modes) for mode in Mode}
    return f"{names[Mode.TCP]} and, in mode redis, {names[Mode.REDIS]}"


def _draws(text: str) -> int:
    number = values.integer(text, -1)
    if number < 1:
        raise ArgumentError("random : number of draws must be at least 1")
    return number


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
    proxy.hash_type = HashType(consistent, avalanche)
