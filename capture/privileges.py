"""Gives up what only opening needed: once the packet socket and the ports are there, capture needs no right at all.

To be called before any thread is started: the kernel keeps capabilities for each thread.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import struct
from pathlib import Path

_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_HEADER = struct.Struct("@Ii")  # version; whose: 0 is the caller
_NO_CAPABILITIES = bytes(24)  # effective, permitted and inheritable, of 64 bits each


class PrivilegeError(Exception):
    """A user one cannot become. Raised here, caught by `capture.__main__`, printed as one line."""


def give_up(user: str | None = None) -> None:
    """Give up all capabilities for good, and become `user` if one is given; what is open stays open."""
    if user is not None:
        _become(user)
    libc = ctypes.CDLL(None, use_errno=True)
    # Else a program that is executed would have root's capabilities again.
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.capset(
        _HEADER.pack(_CAPABILITY_VERSION_3, 0), _NO_CAPABILITIES
    ):
        raise PrivilegeError(f"cannot give up the capabilities: {os.strerror(ctypes.get_errno())}")


def _become(user: str) -> None:
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise PrivilegeError(f"no user '{user}' on this machine") from error
    try:
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    except PermissionError as error:
        raise PrivilegeError(f"only root can become user '{user}': start it as root, or without --user") from error
    modules = Path(os.__file__)  # what is not loaded yet must be found later
    if not os.access(modules, os.R_OK):
        raise PrivilegeError(f"user '{user}' may not read Python itself in {modules.parent}: install it elsewhere")
