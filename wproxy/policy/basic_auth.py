"""Whether an HTTP client is one of the users it may be (RFC 7617, "Basic" authentication)."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence


def admits(authorization: Sequence[str], users: Sequence[tuple[str, str]]) -> bool:
    """Tell whether the `Authorization` headers of a request name one of `users`, by user name and password.

    Without users everybody is let in. The time it takes depends on neither who is asked for nor which letter is wrong.
    """
    if not users:
        return True
    given = _credentials(authorization)
    if given is None:
        return False
    known = False
    for user, password in users:
        expected = f"{user}:{password}".encode("utf-8", "surrogateescape")
        known |= hmac.compare_digest(given, expected)  # all are compared, whichever is right
    return known


def _credentials(authorization: Sequence[str]) -> bytes | None:
    """Return `user:password`, None when there is not exactly one header that tells it."""
    if len(authorization) != 1:
        return None
    scheme, _, encoded = authorization[0].strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
