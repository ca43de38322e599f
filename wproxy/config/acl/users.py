"""The users of a `userlist` section (manual, section 3.4), and whom a request says it comes from."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import field

from wproxy.config.acl.facts import HttpFacts
from wproxy.records import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """One user: the password in clear text, or as crypt(3) has it; without any nobody is this user."""

    password: str | None = field(default=None, repr=False)
    encrypted: bool = False
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UserList:
    """All users of one section."""

    users: Mapping[str, User] = field(default_factory=dict)

    def user_of(self, facts: HttpFacts) -> tuple[str, User] | None:
        """Return name and user for whose password a request has been sent."""
        login = credentials(facts)
        user = None if login is None else self.users.get(login[0])
        if login is None or user is None or user.password is None:
            return None
        given = login[1]
        right = facts.process.proves(given, user.password) if user.encrypted else _equal(given, user.password)
        return (login[0], user) if right else None


def _equal(one: str, other: str) -> bool:
    """Compare in a time that does not tell how much of them is equal."""
    if len(one) != len(other):
        return False
    different = 0
    for left, right in zip(one, other, strict=True):
        different |= ord(left) ^ ord(right)
    return not different


def is_to_proxy(facts: HttpFacts) -> bool:
    """Tell whether a client takes this for its proxy, as HAProxy decides it: it has other words for passwords then."""
    request = facts.request
    return not request.target.startswith((b"/", b"*")) and bool(request.values(b"proxy-connection"))


def authorization(facts: HttpFacts) -> tuple[str, str] | None:
    """Return scheme and rest of what authorizes a request."""
    values = facts.request.values(b"proxy-authorization" if is_to_proxy(facts) else b"authorization")
    if not values:
        return None
    scheme, _, rest = values[0].decode("latin-1").partition(" ")
    return scheme, rest.strip(" \t")


def credentials(facts: HttpFacts) -> tuple[str, str] | None:
    """Return user and password of a request that has them (RFC 7617)."""
    found = authorization(facts)
    if found is None or found[0].lower() != "basic":
        return None
    try:
        text = b64decode(found[1].encode("latin-1"), validate=True).decode("latin-1")
    except Base64Error:
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None
