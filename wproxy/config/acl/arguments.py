"""The arguments of fetches, in parentheses behind their names: each type reads one word, "" where it is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

from wproxy.config.acl.samples import latin
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.tracks import TRACKS
from wproxy.config.acl.users import UserList
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

Argument: TypeAlias = Callable[[str, Scope], Any]

_VARIABLE = re.compile(r"(sess|txn|req|res|proc)\.([A-Za-z0-9_.]+)")

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def backend(text: str, scope: Scope) -> str:
    """Return the name of an existing backend, by default the proxy itself."""
    if not text and not scope.has_backend:
        raise ArgumentError(f"needs a backend's name in parentheses: '{scope.proxy}' is no backend")
    name = text or scope.proxy
    if name not in scope.backends:
        raise ArgumentError(f"names a backend that is not there: '{name}'{did_you_mean(name, scope.backends)}")
    return name


def frontend(text: str, scope: Scope) -> str:
    """Return the name of an existing frontend, by default the proxy itself."""
    if not text and not scope.has_frontend:
        raise ArgumentError(f"needs a frontend's name in parentheses: '{scope.proxy}' is no frontend")
    name = text or scope.proxy
    if name not in scope.frontends:
        raise ArgumentError(f"names a frontend that is not there: '{name}'{did_you_mean(name, scope.frontends)}")
    return name


def server(text: str, scope: Scope) -> tuple[str, str]:
    """Return backend and name of an existing server, written `backend/server` or, in its own backend, `server`."""
    owner, _, name = text.rpartition("/")
    owner = backend(owner, scope)
    servers = scope.backends[owner]
    if name not in servers:
        raise ArgumentError(f"names a server that is not in backend '{owner}': '{name}'{did_you_mean(name, servers)}")
    return owner, name


def integer(text: str, scope: Scope) -> int:
    """Return a whole number."""
    try:
        return int(text)
    except ValueError:
        raise ArgumentError(f"expects a whole number in parentheses, not '{text}'") from None


def optional_integer(text: str, scope: Scope) -> int:
    """Return a whole number, 0 when it is left out."""
    return integer(text, scope) if text else 0


def index(text: str, scope: Scope) -> int:
    """Return a number of 0 or more."""
    number = integer(text, scope)
    if number < 0:
        raise ArgumentError(f"expects a number of 0 or more in parentheses, not '{text}'")
    return number


def boolean(text: str, scope: Scope) -> bool:
    """Return a truth value."""
    if text not in _BOOLEANS:
        raise ArgumentError(f"expects one of {', '.join(_BOOLEANS)} in parentheses, not '{text}'")
    return _BOOLEANS[text]


def string(text: str, scope: Scope) -> str:
    """Return the text itself."""
    if not text:
        raise ArgumentError("expects an argument in parentheses")
    return latin(text)


def text(text: str, scope: Scope) -> str:
    """Return the text itself, "" when it is left out."""
    return latin(text)


def delimiter(text: str, scope: Scope) -> str:
    """Return the character at which a query begins."""
    return text[0] if text and text[0].isascii() else "?"


def environment(text: str, scope: Scope) -> str:
    """Return the value of an environment variable, "" when it is not set."""
    return latin(scope.environ.get(string(text, scope), ""))


def variable(text: str, scope: Scope) -> str:
    """Return the name of a variable, which begins with its scope."""
    found = _VARIABLE.fullmatch(text)
    if found is None:
        raise ArgumentError(f"expects a variable such as txn.name, of sess, txn, req or res, not '{text}'")
    if found[1] == "proc":
        raise ArgumentError(f"cannot use '{text}': variables of the process are not supported by wproxy")
    return text


def optional_variable(text: str, scope: Scope) -> str:
    """Return the name of a variable, "" when it is left out."""
    return variable(text, scope) if text else ""


def number_or_variable(text: str, scope: Scope) -> int | str:
    """Return a whole number, or the name of the variable that holds it."""
    return variable(text, scope) if _VARIABLE.fullmatch(text) else integer(text, scope)


def field_name(text: str, scope: Scope) -> bytes:
    """Return the name of a header field in lower case, b"" when it is left out."""
    return text.encode("utf-8", "surrogateescape").lower()


def occurrence(text: str, scope: Scope) -> int:
    """Return which one of several values is meant: n the n-th, -n the n-th from the last, 0 (left out) any."""
    return integer(text, scope) if text else 0


def user_list(text: str, scope: Scope) -> UserList:
    """Return the users of an existing `userlist`."""
    if text not in scope.userlists:
        raise ArgumentError(f"names a userlist that is not there: '{text}'{did_you_mean(text, scope.userlists)}")
    return scope.userlists[text]


def table(text: str, scope: Scope) -> str:
    """Return the name of the section of an existing stick table, by default the proxy itself."""
    name = text or scope.proxy
    if name not in scope.tables:
        hint = did_you_mean(name, scope.tables) or f"; write 'stick-table type ip size 100k' in '{name}'"
        raise ArgumentError(f"uses the stick-table of '{name}', which has none{hint}")
    return name


def optional_table(text: str, scope: Scope) -> str:
    """Return the name of the section of an existing stick table, "" when it is left out."""
    return table(text, scope) if text else ""


def track(text: str, scope: Scope) -> int:
    """Return the number of what is tracked."""
    number = integer(text, scope)
    if not 0 <= number < TRACKS:
        raise ArgumentError(f"expects a number from 0 to {TRACKS - 1} in parentheses, not '{text}'")
    return number


def one_of(**choices: Any) -> Argument:  # noqa: ANN401 - whatever the words stand for
    """Return the type of an argument that is one of some words, by default the first of them."""

    def read(text: str, scope: Scope) -> Any:  # noqa: ANN401 - see above
        word = text or next(iter(choices))
        if word not in choices:
            raise ArgumentError(f"expects one of {', '.join(choices)} in parentheses, not '{text}'")
        return choices[word]

    return read


def ipv4(text: str, scope: Scope) -> bytes:
    """Return a packed IPv4 address."""
    try:
        return IPv4Address(text).packed
    except ValueError:
        raise ArgumentError(f"expects an IPv4 address in parentheses, not '{text}'") from None


def ipv6(text: str, scope: Scope) -> bytes:
    """Return a packed IPv6 address."""
    try:
        return IPv6Address(text).packed
    except ValueError:
        raise ArgumentError(f"expects an IPv6 address in parentheses, not '{text}'") from None
