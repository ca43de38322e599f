"""Gives up what only root may do, as `user`, `group` and `chroot` ask for, once everything is open.

After it the files of this machine may be out of sight: what is still to be read has to be in memory, and names of
servers looked up, before that.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from wproxy.config.model import Backend, Config, Global, ServerLine
from wproxy.errors import WproxyError

# What the standard library loads when it is first needed.
_LATER = (
    "encodings.idna",
    "encodings.latin_1",
    "encodings.ascii",
    "traceback",
    "linecache",
    "concurrent.futures.thread",
)


class PrivilegeError(WproxyError):
    """The process cannot become what the configuration wants it to be."""


def check(settings: Global) -> None:
    """Raise PrivilegeError when `drop` is going to fail, while there is somebody to tell."""
    if not _changes(settings):
        return
    if os.geteuid() != 0:
        raise PrivilegeError(
            "'user', 'group' and 'chroot' of the global section are for a process that root starts: "
            "start wproxy as root, or leave these lines out"
        )
    if settings.chroot is not None and not Path(settings.chroot).is_dir():
        raise PrivilegeError(f"cannot change the root to {settings.chroot}: there is no such folder")


def drop(settings: Global) -> None:
    """Change root, group and user, in this order; raise PrivilegeError with what went wrong."""
    if not _changes(settings):
        return
    _load_modules()
    chroot, group, user = settings.chroot, settings.group, settings.user
    if chroot is not None:
        _attempt(f"root {chroot}", lambda: _change_root(chroot))
    if group is not None:
        _attempt(f"group {group}", lambda: _become_group(group))
    if user is not None:
        _attempt(f"user {user}", lambda: os.setuid(user))


def without_names(config: Config) -> Config:
    """Return `config` with the addresses of its servers looked up, as a process needs it that changes its root.

    Raise PrivilegeError with a line for each name that has no address.
    """
    if not config.globals.chroot:
        return config
    faults: list[str] = []
    backends = tuple(_backend_without_names(backend, faults) for backend in config.backends)
    if faults:
        raise PrivilegeError("\n".join(faults))
    return replace(config, backends=backends)


def _changes(settings: Global) -> bool:
    """Tell whether the process is to become something else than it is."""
    user, group = settings.user, settings.group
    return settings.chroot is not None or user not in (None, os.geteuid()) or group not in (None, os.getegid())


def _load_modules() -> None:
    """Import what may be needed later, which the new user or the new root may not let this process read."""
    for name in (*_LATER, *_own_modules()):
        importlib.import_module(name)


def _own_modules() -> Iterator[str]:
    package = importlib.import_module("wproxy")
    for module in pkgutil.walk_packages(package.__path__, "wproxy."):
        if not module.name.endswith("__main__"):
            yield module.name


def _change_root(path: str) -> None:
    os.chroot(path)
    os.chdir("/")


def _become_group(group: int) -> None:
    os.setgroups([])
    os.setgid(group)


def _attempt(what: str, change: Callable[[], None]) -> None:
    try:
        change()
    except OSError as error:
        raise PrivilegeError(f"cannot change to {what}: {error.strerror}") from error


def _backend_without_names(backend: Backend, faults: list[str]) -> Backend:
    return replace(backend, servers=tuple(_server_without_names(server, faults) for server in backend.servers))


def _server_without_names(server: ServerLine, faults: list[str]) -> ServerLine:
    def found(host: str | None) -> str | None:
        try:
            return _look_up(host) if host else host
        except OSError as error:
            where = f"[{server.location.file}:{server.location.line}]"
            reason = error.strerror or error
            faults.append(
                f"{where} : server '{server.name}': cannot resolve {host} before the change of root: {reason}"
            )
            return host

    address = replace(server.address, host=found(server.address.host) or "")
    check = server.check and replace(server.check, host=found(server.check.host))
    agent = server.agent and replace(server.agent, host=found(server.agent.host))
    return replace(server, address=address, check=check, agent=agent)


def _look_up(host: str) -> str:
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
