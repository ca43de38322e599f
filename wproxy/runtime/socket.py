"""The stats socket: opened as the `stats socket` line says, one conversation per connection.

A client sends one line of commands, or several at once, and gets their answers, then the connection is closed. After
`prompt` it stays open and each answer ends in `> `.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from wproxy.config.model import Level, StatsSocket
from wproxy.runtime.command import Context, Conversation
from wproxy.runtime.handover import give
from wproxy.runtime.interpreter import Interpreter, split_line

_LONGEST_LINE = 16 * 1024  # HAProxy's tune.bufsize, which bounds its lines too
_PROMPT = b"> "


class StatsConnection(asyncio.Protocol):
    """One client: lines in, answers out."""

    def __init__(
        self,
        interpreter: Interpreter,
        context: Callable[[Conversation], Context],
        level: Level,
        idle_s: float,
        hand_over: Callable[[], Sequence[tuple[str, socket.socket]]],
    ) -> None:
        self._interpreter = interpreter
        self._conversation = Conversation(level)
        self._context = context(self._conversation)
        self._idle_s = idle_s
        self._hand_over = hand_over
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
            if self._conversation.wants_sockets:
                self._give_sockets(transport)
                return
            if self._conversation.closing:  # `quit` itself is not answered
                break
            transport.write(answer + _PROMPT if self._conversation.prompt else answer)
        if self._conversation.closing:
            transport.close()

    def _give_sockets(self, transport: asyncio.Transport) -> None:
        """Hand the listening sockets to the process at the other end, which must be on this machine."""
        connection = transport.get_extra_info("socket")
        if connection.family == socket.AF_UNIX:
            # It may be gone again by now; then nothing has changed for anybody.
            with suppress(OSError):
                give(os.dup(connection.fileno()), self._hand_over())
        transport.close()

    def _wait(self) -> None:
        """Close when the client says nothing for `stats timeout`."""
        assert self._transport is not None
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._transport.close)


class StatsListener:
    """Serves the clients of one stats socket; the socket stays its giver's, who closes it."""

    def __init__(
        self,
        line: StatsSocket,
        listening: socket.socket,
        context: Callable[[Conversation], Context],
        idle_s: float,
        hand_over: Callable[[], Sequence[tuple[str, socket.socket]]],
    ) -> None:
        self._line = line
        self._listening = listening
        self._context = context
        self._idle_s = idle_s
        self._hand_over = hand_over
        self._interpreter = Interpreter()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Serve clients from now on."""
        loop = asyncio.get_running_loop()
        duplicate = self._listening.dup()  # the server owns and closes what it is given
        if duplicate.family == socket.AF_UNIX:
            self._server = await loop.create_unix_server(self._connection, sock=duplicate)
        else:
            self._server = await loop.create_server(self._connection, sock=duplicate)

    def close(self) -> None:
        """Accept no more; conversations under way go on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def _connection(self) -> StatsConnection:
        return StatsConnection(self._interpreter, self._context, self._line.level, self._idle_s, self._hand_over)
