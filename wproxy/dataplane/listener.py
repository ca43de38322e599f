"""Listening sockets: opened from `bind` lines, served by the loop, paused and resumed without being closed."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from wproxy.config.model import Address
from wproxy.policy.descriptors import WATCHERS

BACKLOG = 1024


def open_listening(address: Address) -> socket.socket:
    """Return a listening, non-blocking socket at `address`; raise OSError.

    A unix socket left behind by a process that is gone is replaced.
    """
    if address.fd is not None:
        listening = socket.socket(fileno=os.dup(address.fd))
    elif address.path:
        listening = _unix_socket(address.path)
    else:
        family = socket.AF_INET6 if ":" in address.host or address.family == 6 else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((address.host, address.port))
        except OSError:
            listening.close()
            raise
    listening.listen(BACKLOG)
    listening.setblocking(False)
    return listening


def close_listening(address: Address, listening: socket.socket) -> None:
    """Close what `open_listening` returned; a unix socket leaves the file system, as far as this user may do that."""
    listening.close()
    if address.path:
        with suppress(OSError):
            Path(address.path).unlink()


def remove_file(path: str) -> None:
    """Remove the file of a unix socket that is closed, unless somebody listens there, as far as this user may."""
    if not _answers(path):
        with suppress(OSError):
            Path(path).unlink()


def _unix_socket(path: str) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if Path(path).is_socket() and not _answers(path):
            Path(path).unlink()
        listening.bind(path)
    except OSError:
        listening.close()
        raise
    return listening


def _answers(path: str) -> bool:
    """Tell whether somebody listens at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        return probe.connect_ex(path) == 0


def shut(listening: socket.socket) -> None:
    """Have clients refused who connect to a TCP socket, until it listens again; a unix socket would be lost.

    Only one process may do it: what is shut twice gives all later clients an end of stream.
    """
    if listening.family != socket.AF_UNIX and listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listening.shutdown(socket.SHUT_RD)


class Listener:
    """Accepts on one `bind` address of one frontend; the socket stays its giver's, who closes it."""

    __slots__ = ("_address", "_factory", "_servers", "_shut", "_socket", "_wanted")

    def __init__(self, address: Address, listening: socket.socket, factory: Callable[[], asyncio.BaseProtocol]) -> None:
        self._address = address
        self._socket = listening
        self._factory = factory
        self._servers: list[asyncio.Server] = []  # each watches the socket
        self._wanted = 0  # how many should
        self._shut = False  # the socket is bound, but does not listen

    def resume(self, *, singly: bool = False) -> Coroutine[Any, Any, None]:
        """Accept connections, `singly` or several in a turn of the loop, once what is returned has been awaited.

        What is wanted counts from this call on, so that a pause before the loop gets to it is the last word.
        """
        self._wanted = 1 if singly else WATCHERS
        return self._follow()

    async def _follow(self) -> None:
        """Have as many watchers as are wanted by now."""
        if not self._wanted or self._socket.fileno() < 0:  # paused, or closed by a process that stops
            return
        if self._shut:
            self._socket.listen(BACKLOG)
            self._shut = False
        while len(self._servers) < self._wanted:
            self._servers.append(await self._watch())
        self._dismiss()  # more than are wanted, or than were when the loop began to make the last

    async def _watch(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        # The server owns and closes what it is given; the original keeps the address through a pause.
        duplicate = self._socket.dup()
        if duplicate.family == socket.AF_UNIX:
            return await loop.create_unix_server(self._factory, sock=duplicate)
        return await loop.create_server(self._factory, sock=duplicate, backlog=BACKLOG)

    def _dismiss(self) -> None:
        while len(self._servers) > self._wanted:
            self._servers.pop().close()

    def pause(self) -> None:
        """Accept no more; clients that connect wait in the kernel's queue."""
        self._wanted = 0
        self._dismiss()

    def refuse(self, *, alone: bool = True) -> None:
        """Accept no more and have clients refused, as HAProxy does; on a unix socket they wait all the same.

        Who is not `alone` with the socket leaves it to another process to `shut` it.
        """
        self.pause()
        if alone:
            shut(self._socket)
        self._shut = True
