"""Passwords that crypt(3) has encrypted: asked of the system's libcrypt, as HAProxy does.

One check takes milliseconds by design, in which nobody is served, so what has been found out is remembered for as long
as there is room, good and bad: under a digest with a key of this process, never the password itself.
"""

from __future__ import annotations

import ctypes
import hashlib
import secrets

_REMEMBERED = 1024
_NAMES = ("libcrypt.so.1", "libcrypt.so.2")


class Crypt:
    """Tells whether passwords are right."""

    __slots__ = ("_key", "_known", "_library")

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, bool] = {}
        self._library: ctypes.CDLL | None = None

    def proves(self, password: bytes, encrypted: bytes) -> bool:
        """Tell whether `encrypted` is what crypt(3) makes of `password`; False where there is no libcrypt."""
        if b"\0" in password:
            return False
        digest = hashlib.blake2b(b"%b\0%b" % (encrypted, password), key=self._key).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._encrypted(password, encrypted) == encrypted
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[digest] = known
        return known

    def _encrypted(self, password: bytes, setting: bytes) -> bytes | None:
        if self._library is None:
            self._library = _load()
            if self._library is None:
                return None
        result: bytes | None = self._library.crypt(password, setting)
        return result


def _load() -> ctypes.CDLL | None:
    for name in _NAMES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        library.crypt.restype = ctypes.c_char_p
        return library
    return None
