"""The stats socket: opened as the `stats socket` line says, one conversation per connection.

A client sends one line of commands, or several at once, and gets their answers, then the connection is closed. After
`prompt` it stays open and each answer ends in `> `.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import cast

from wproxy.config.model import Level, StatsSocket
from wproxy.errors import BindError
from wproxy.runtime.command import Context, Conversation
from wproxy.runtime.interpreter import Interpreter, split_line

_LONGEST_LINE = 16 * 1024  # HAProxy's tune.bufsize, which bounds its lines too
_PROMPT = b"> "


class StatsConnection(asyncio.Protocol):
    """One client: lines in, answers out."""

    def __init__(
        self, interpreter: Interpreter, context: Callable[[Conversation], Context], level: Level, idle_s: float
    ) -> None:
        self._interpreter = interpreter
        self._conversation = Conversation(level)
        self._context = context(self._conversation)
        self._idle_s = idle_s
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a line."""
        self._transport = cast("asyncio.Transport", transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Answer the lines that are complete."""
        self._wait()
        self._buffer += data
        while self._transport is not None and not self._transport.is_closing():
            line, newline, rest = self._buffer.partition(b"\n")
            if not newline:
                break
            self._buffer = rest
            self._answer(line.decode("utf-8", "replace").strip())
            if not self._buffer and not self._conversation.prompt:
                self._transport.close()
        if len(self._buffer) > _LONGEST_LINE and self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def _answer(self, line: str) -> None:
        transport = self._transport
        assert transport is not None
        for command in split_line(line):
            answer = self._interpreter.execute(self._context, command).encode()
            if self._conversation.closing:  # `quit` itself is not answered
                break
            transport.write(answer + _PROMPT if self._conversation.prompt else answer)
        if self._conversation.closing:
            transport.close()

    def _wait(self) -> None:
        """Close when the client says nothing for `stats timeout`."""
        assert self._transport is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._transport.close)


class StatsListener:
    """One stats socket. Owns `listening`, an open listening socket; `close` is its end."""

    def __init__(
        self,
        line: StatsSocket,
        listening: socket.socket,
        context: Callable[[Conversation], Context],
        idle_s: float,
    ) -> None:
        """Set owner and mode as the line says; raise BindError."""
        self._line = line
        self._listening = listening
        self._context = context
        self._idle_s = idle_s
        self._interpreter = Interpreter()
        self._server: asyncio.Server | None = None
        if line.address.path:
            try:
                _set_owner_and_mode(line)
            except (OSError, LookupError) as error:
                raise BindError(f"{_where(line)} : stats socket {line.address}: {error}") from error

    async def start(self) -> None:
        """Serve clients from now on."""
        loop = asyncio.get_running_loop()
        if self._line.address.path:
            self._server = await loop.create_unix_server(self._connection, sock=self._listening)
        else:
            self._server = await loop.create_server(self._connection, sock=self._listening)

    def close(self) -> None:
        """Stop listening and remove the socket from the file system."""
        if self._server is not None:
            self._server.close()
        self._listening.close()
        if self._line.address.path:
            Path(self._line.address.path).unlink(missing_ok=True)

    def _connection(self) -> StatsConnection:
        return StatsConnection(self._interpreter, self._context, self._line.level, self._idle_s)


def _set_owner_and_mode(line: StatsSocket) -> None:
    """Give the socket's file to `user` and `group`, a name or a number each, and set its `mode`."""
    path = line.address.path
    if line.user is not None:
        shutil.chown(path, user=_name_or_number(line.user))
    if line.group is not None:
        shutil.chown(path, group=_name_or_number(line.group))
    if line.mode is not None:
        Path(path).chmod(line.mode)


def _name_or_number(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _where(line: StatsSocket) -> str:
    return f"[{line.location.file}:{line.location.line}]"
