"""What OpenSSL can do and the standard library's `ssl` does not offer: cipher suites of TLSv1.3, groups, DH.

`SSLContext` begins, after what every object has, with the pointer to OpenSSL's SSL_CTX; the library is found through
the `ssl` module itself, so that it is the same one. A Python that has it built in differently gets a clear refusal.
"""

from __future__ import annotations

import ctypes
import ssl
from typing import Any

from wproxy.config.values import ArgumentError

_SET_DH_AUTO = 118  # SSL_CTRL_SET_DH_AUTO of ssl.h
_SET_GROUPS = 92  # SSL_CTRL_SET_GROUPS_LIST
_TLS13 = "TLS_"  # how its cipher suites begin


def set_ciphersuites(context: ssl.SSLContext, names: str) -> None:
    """Allow only the cipher suites `names` (with colons between them) in TLSv1.3; raise ArgumentError."""
    library, pointer = _open(context, "ciphersuites")
    library.SSL_CTX_set_ciphersuites.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    done = library.SSL_CTX_set_ciphersuites(pointer, names.encode())
    allowed = {cipher["name"] for cipher in context.get_ciphers() if cipher["name"].startswith(_TLS13)}
    if not done or not allowed <= set(names.split(":")):
        raise ArgumentError(f"'ciphersuites' : OpenSSL knows no such list of TLSv1.3 cipher suites: '{names}'")


def set_groups(context: ssl.SSLContext, names: str) -> None:
    """Allow only the groups `names` (with colons between them) in key exchanges; raise ArgumentError."""
    library, pointer = _open(context, "curves")
    if not _control(library, pointer, _SET_GROUPS, 0, names.encode()):
        raise ArgumentError(f"'curves' : OpenSSL knows no such list of groups: '{names}'")


def choose_dh(context: ssl.SSLContext) -> None:
    """Let OpenSSL choose the parameters of ephemeral Diffie-Hellman, which otherwise is not offered."""
    try:
        library, pointer = _open(context, "")
    except ArgumentError:
        return
    _control(library, pointer, _SET_DH_AUTO, 1, None)


def _control(library: Any, pointer: ctypes.c_void_p, command: int, number: int, text: bytes | None) -> bool:  # noqa: ANN401 - ctypes
    library.SSL_CTX_ctrl.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_char_p]
    library.SSL_CTX_ctrl.restype = ctypes.c_long
    return bool(library.SSL_CTX_ctrl(pointer, command, number, text) == 1)


def _open(context: ssl.SSLContext, keyword: str) -> tuple[Any, ctypes.c_void_p]:
    """Return OpenSSL and the context in it."""
    import _ssl

    try:
        library = ctypes.CDLL(_ssl.__file__)
        _ = library.SSL_CTX_set_ciphersuites, library.SSL_CTX_ctrl
    except (AttributeError, OSError):
        raise ArgumentError(f"'{keyword}' : this Python's OpenSSL cannot be told so: use the system's Python") from None
    return library, ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
