"""The stats socket: opened as the `stats socket` line says, one dialogue per connection, as many as `stats maxconn`."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias, cast

from wproxy.config.model import Level, StatsSocket
from wproxy.runtime.command import Context, Conversation
from wproxy.runtime.dialogue import LONGEST_LINE, Dialogue
from wproxy.runtime.handover import give
from wproxy.runtime.interpreter import Interpreter

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_EXHAUSTED_PAUSE_S = 0.5
_FOLLOW_PACE_S = 0.2

HandOver: TypeAlias = Callable[[], Sequence[tuple[str, socket.socket]]]


class Seats:
    """How many clients all stats sockets of the process have room for; whoever comes too early is not accepted yet."""

    def __init__(self, number: int) -> None:
        self._free = number
        self._waiting: list[Callable[[], None]] = []

    def take(self) -> bool:
        """Take a seat, if there is one."""
        if self._free <= 0:
            return False
        self._free -= 1
        return True

    def call_when_free(self, resume: Callable[[], None]) -> None:
        """Have `resume` called, once, when a seat is given back."""
        self._waiting.append(resume)

    def give_back(self) -> None:
        """Let the next client in."""
        self._free += 1
        waiting, self._waiting = self._waiting, []
        for resume in waiting:
            resume()


class StatsConnection(asyncio.Protocol):
    """One client: writes the answers of its dialogue, no faster than they are taken."""

    def __init__(
        self,
        interpreter: Interpreter,
        context: Callable[[Conversation], Context],
        level: Level,
        idle_s: float,
        left: Callable[[], None],
        hand_over: HandOver,
    ) -> None:
        self._conversation = Conversation(level)
        self._dialogue = Dialogue(interpreter, context(self._conversation))
        self._idle_s = idle_s
        self._left = left
        self._hand_over = hand_over
        self._transport: asyncio.Transport = None  # type: ignore[assignment] # set when the connection is made
        self._timer: asyncio.TimerHandle | None = None
        self._ticker: asyncio.TimerHandle | None = None  # while the client watches something
        self._writable = True
        self._at_eof = False
        self._stalled = False  # reading has stopped

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a line."""
        self._transport = cast("asyncio.Transport", transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Answer the lines that are complete."""
        self._dialogue.feed(data)
        self._work()
        self._wait()

    def eof_received(self) -> bool:
        """Answer what is still to be answered, then close."""
        self._at_eof = True
        self._work()
        return True

    def pause_writing(self) -> None:
        """Say nothing more until the client has taken what it asked for."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on."""
        self._writable = True
        self._wait()
        self._work()

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the client."""
        self._writable = False
        for timer in (self._timer, self._ticker):
            if timer is not None:
                timer.cancel()
        self._dialogue.unfollow()
        self._left()

    def _work(self) -> None:
        """Answer as long as the client takes the answers."""
        while self._writable and (answer := self._dialogue.step()) is not None:
            if self._conversation.wants_sockets:
                self._give_sockets()
                return
            self._transport.write(answer)
        if self._transport.is_closing():
            return
        if self._dialogue.following:
            if self._ticker is None:
                self._follow()
            return
        if self._writable and (self._dialogue.finished or self._at_eof):
            self._transport.close()
        elif not self._at_eof:
            self._read_or_stall()

    def _follow(self) -> None:
        """Write what the client watches, as long as it takes it: what it does not take in time is not kept for it."""
        self._ticker = None
        if self._writable:
            if seen := self._dialogue.follow():
                self._transport.write(seen)
            self._wait()  # there may be nothing to see for long
        if self._dialogue.following:
            self._ticker = asyncio.get_running_loop().call_later(_FOLLOW_PACE_S, self._follow)
        else:
            self._work()

    def _give_sockets(self) -> None:
        """Hand the listening sockets to the process at the other end, which must be on this machine."""
        connection = self._transport.get_extra_info("socket")
        if connection.family == socket.AF_UNIX:
            # It may be gone again by now; then nothing has changed for anybody.
            with suppress(OSError):
                give(os.dup(connection.fileno()), self._hand_over())
        self._transport.close()

    def _read_or_stall(self) -> None:
        """Read only while there is not yet a line's worth of commands waiting."""
        stall = not self._writable and self._dialogue.buffered > LONGEST_LINE
        if stall != self._stalled:
            self._stalled = stall
            (self._transport.pause_reading if stall else self._transport.resume_reading)()

    def _wait(self) -> None:
        """Close when the client says nothing, or takes nothing, for `stats timeout`."""
        if self._timer is not None:
            self._timer.cancel()
        # A close would wait for a client that does not take its answer.
        idle_s = self._conversation.idle_s or self._idle_s
        self._timer = asyncio.get_running_loop().call_later(idle_s, self._transport.abort)


class StatsListener:
    """Serves the clients of one stats socket; the socket stays its giver's, who closes it."""

    def __init__(
        self,
        line: StatsSocket,
        listening: socket.socket,
        context: Callable[[Conversation], Context],
        idle_s: float,
        seats: Seats,
        hand_over: HandOver,
        interpreter: Interpreter | None = None,
    ) -> None:
        self._line = line
        self._listening = listening
        self._context = context
        self._idle_s = idle_s
        self._seats = seats
        self._hand_over = hand_over
        self._interpreter = interpreter or Interpreter()
        self._open = False
        self._accepted: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        """Serve clients from now on."""
        self._open = True
        self._resume()

    def close(self) -> None:
        """Accept no more; dialogues under way go on."""
        if self._open:
            self._open = False
            self._pause()

    def _resume(self) -> None:
        if self._open:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _pause(self) -> None:
        asyncio.get_running_loop().remove_reader(self._listening)

    def _accept(self) -> None:
        """Accept one client; without a seat for it, wait until there is one."""
        if not self._seats.take():
            self._pause()
            self._seats.call_when_free(self._resume)
            return
        loop = asyncio.get_running_loop()
        try:
            client, _ = self._listening.accept()
        except OSError as error:
            self._seats.give_back()
            if error.errno in _EXHAUSTED:
                self._pause()
                loop.call_later(_EXHAUSTED_PAUSE_S, self._resume)
            return  # otherwise the client is gone again
        client.setblocking(False)
        task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(self._connection, client))
        self._accepted.add(task)
        task.add_done_callback(self._accepted.discard)

    def _connection(self) -> StatsConnection:
        return StatsConnection(
            self._interpreter, self._context, self._line.level, self._idle_s, self._seats.give_back, self._hand_over
        )
