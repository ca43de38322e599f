"""The arguments of fetches, in parentheses behind their names: each type reads one word, "" where it is left out."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import TypeAlias

from wproxy.config.acl.scope import Scope
from wproxy.config.nearest import did_you_mean
from wproxy.config.values import ArgumentError

Argument: TypeAlias = Callable[[str, Scope], str | int | bool | bytes | tuple[str, str]]

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


def boolean(text: str, scope: Scope) -> bool:
    """Return a truth value."""
    if text not in _BOOLEANS:
        raise ArgumentError(f"expects one of {', '.join(_BOOLEANS)} in parentheses, not '{text}'")
    return _BOOLEANS[text]


def string(text: str, scope: Scope) -> str:
    """Return the text itself."""
    if not text:
        raise ArgumentError("expects an argument in parentheses")
    return text


def variable(text: str, scope: Scope) -> str:
    """Return the value of an environment variable, "" when it is not set."""
    return scope.environ.get(string(text, scope), "")


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
