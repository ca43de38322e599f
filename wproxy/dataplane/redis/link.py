"""One pipelined connection to one server, shared by all clients, and made again whenever it breaks.

    CONNECTING ──▶ READY ──▶ CONNECTING     (lost: try again at once)
        │ refused,     │        commands are parked while it connects, refused while it is broken
        │ timeout      │ lost after a moment
        ▼              ▼
      BROKEN ──▶ READY ◀──▶ BEHIND          (try again with growing, jittered pauses; a server that does not read)

A command that was written and not answered when the connection breaks may have been executed: it is answered with an
error and never sent again. A command that was only parked is handed back, to go elsewhere.
"""

from __future__ import annotations

import asyncio
import enum
import random
from collections import deque
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TypeAlias, cast

from wproxy.dataplane.connector import open_connection, secure_to
from wproxy.dataplane.redis.ledger import Ledger
from wproxy.dataplane.redis.login import Identity, Learn
from wproxy.dataplane.redis.login import greetings as greetings_of
from wproxy.dataplane.redis.parking import Parking
from wproxy.dataplane.redis.slot import One, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.dataplane.services import Services
from wproxy.protocols.resp import ReplySplitter, pack
from wproxy.protocols.resp.replies import ReplyError
from wproxy.state.captures import LIMIT, Excerpt
from wproxy.state.server import Server

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_MOST_UNSENT_BYTES = 128 * 1024 * 1024  # of all clients together; beyond it commands are refused
_FEW_UNSENT_BYTES = 32 * 1024 * 1024  # when they are taken again
_MOMENT_S = 1.0  # a server that accepts and hangs up, as with too many clients, is not called again at once


Report: TypeAlias = Callable[[Server, Excerpt, str], None]
"""Told of a server's bytes that are no reply, and why."""

_PING = pack([b"PING"])
_LONG_BYTES = 2048  # joining strings longer than this takes longer than writing them one by one


class LinkState(enum.Enum):
    """Whether commands can be sent."""

    CONNECTING = "connecting"
    READY = "ready"  # and in database 0
    ELSEWHERE = "elsewhere"  # as ready, but in another database
    BEHIND = "behind"  # connected, but more waits to be sent than may: the server does not read
    BROKEN = "broken"
    CLOSED = "closed"


_READY, _CONNECTING = LinkState.READY, LinkState.CONNECTING  # Python 3.11 takes 0.1 µs to find a member in its class


class Link(asyncio.Protocol):
    """Sends commands to `server` and answers those who wait, in order."""

    __slots__ = (
        "_connect_s", "_database", "_fault", "_greetings", "_identity", "_learn", "_ledger", "_lost", "_out", "_owed",
        "_parking", "_progress_at", "_protocol", "_report", "_server_s", "_services", "_settled", "_splitter", "_task",
        "_transport", "_turn", "_unsent", "_waiting", "server", "state",
    )  # fmt: skip

    def __init__(
        self,
        server: Server,
        services: Services,
        turn: Turn,
        *,
        protocol: int,
        connect_s: float | None,
        server_s: float | None,
        report: Report,
        queue_s: float | None = None,
        learn: Learn | None = None,
        identity: Identity | None = None,
    ) -> None:
        """Prepare a link that speaks RESP `protocol` (2 or 3); `open` starts it. `learn` is told the commands.

        With an `identity` nothing that was sent before a connection broke is executed once the next one is ready.
        """
        self._report = report
        self.server = server
        self.state = LinkState.CONNECTING
        self._services = services
        self._turn = turn
        self._protocol = protocol
        self._learn = learn
        self._identity = identity
        self._fault = ""  # what was wrong with the server's answers to the last greetings
        self._greetings = 0  # that are not answered yet
        self._connect_s = connect_s
        self._server_s = inf if server_s is None else server_s
        self._transport: asyncio.Transport | None = None
        self._splitter = ReplySplitter()
        self._ledger = Ledger(server)
        self._out: list[bytes] = []  # to be written at the end of this turn of the loop
        self._unsent = 0  # commands in it
        self._waiting: deque[Waiting] = deque()  # its last entries are those whose commands stand in `_out`, one each
        self._owed = 0  # replies they wait for
        self._parking = Parking(server, services, queue_s)
        self._database = 0  # in which the server is once it has read what has been sent to it
        self._progress_at = 0.0
        self._lost = asyncio.Event()
        self._settled = asyncio.Event()  # connected and greeted, or lost
        self._task: asyncio.Task[None] | None = None

    # -- used by the router --------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, and stay connected until `close`."""
        self._task = self._services.keep(self._services.loop.create_task(self._stay_connected()))

    @property
    def sendable(self) -> bool:
        """Whether `send` would do more than refuse."""
        return self.state in _SENDABLE

    def send(self, raw: bytes, waiting: Waiting) -> None:
        """Send `raw`, the commands that `waiting` wants the replies of; it gets them back when they cannot be sent."""
        if self.state is _READY:
            if not self._out:
                self._turn.add(self)
            self._out.append(raw)
            self._waiting.append(waiting)
            self._unsent += waiting.wanted
            self._turn.commands += 1
        else:
            self.send_in(0, raw, waiting)

    def send_in(self, database: int, raw: bytes, waiting: Waiting) -> None:
        """Send `raw` to be executed in `database`; the server is told to change only when it is in another one."""
        if self.state is LinkState.CONNECTING:
            watcher = self._ledger.watcher
            who = waiting if watcher is None else watcher.timed(raw, waiting, self.server.name)
            self._parking.park(database, raw, who)
        elif self.state is LinkState.READY or self.state is LinkState.ELSEWHERE:
            if database != self._database:
                self._database = database
                self._append(_select(database), _Silent(self))
            self.state = LinkState.ELSEWHERE if database else LinkState.READY
            self._append(raw, waiting)
        else:
            waiting.refused(raw, self._down())

    def try_database(self, database: int, waiting: Waiting) -> None:
        """Ask whether the server has `database`: the answer to SELECT is `waiting`'s. It is then where it was."""
        if self.state is LinkState.READY or self.state is LinkState.ELSEWHERE:
            self._append(_select(database), waiting)
            self._append(_select(self._database), _Silent(self))
        elif self.state is LinkState.CONNECTING:
            self._parking.park(0, _select(database), waiting)
            self._parking.park(0, _select(0), _Silent(self))
        else:
            waiting.refused(_select(database), self._down())

    def fence(self, waiting: Waiting) -> None:
        """Have `waiting` get an answer behind those to all that is under way, also from a server that does not read."""
        if self.state is LinkState.BEHIND:
            self._append(_PING, waiting)
        else:
            self.send(_PING, waiting)

    def _append(self, raw: bytes, waiting: Waiting) -> None:
        if not self._out:
            self._turn.add(self)
        self._out.append(raw)
        self._waiting.append(waiting)
        self._unsent += waiting.wanted

    def watch(self, watcher: Watcher | None) -> None:
        """Show commands to `watcher` from now on, None to nobody."""
        self._ledger.watcher = watcher

    @property
    def connected(self) -> bool:
        """Whether there is a connection, greeted or not."""
        return self._transport is not None and self.state is not LinkState.CLOSED

    @property
    def busy(self) -> bool:
        """Whether somebody waits for a reply."""
        return bool(self._waiting) or bool(self._parking)

    def close(self) -> None:
        """Give up the connection; whoever still waits gets an error."""
        self.state = LinkState.CLOSED
        if self._task is not None:
            self._task.cancel()
        self._fail()
        if self._transport is not None:
            self._transport.close()

    def flush(self) -> None:
        """Write what the clients sent during this turn, in one piece (`turn.Flushed`)."""
        out = self._out
        if self._transport is None or self.state is _CONNECTING or not out:
            return  # of a connection that has been dropped, what was not written is handed back when it is lost
        server, counters, now = self.server, self.server.counters, self._services.clock()
        counters.sessions += self._unsent
        counters.balanced += self._unsent
        counters.session_rate.add(now, self._unsent)
        server.last_session_at = now
        if not self._owed:  # nobody waited before: the server's time begins now
            self._progress_at = now
        self._owed += self._unsent
        self._ledger.sent(out, self._waiting, self._unsent, monotonic())
        self._unsent = 0
        self._services.wheel.watch(self)
        self._out = []
        size = sum(map(len, out))
        counters.bytes_in += size
        if size > len(out) * _LONG_BYTES:
            self._transport.writelines(out)  # each from where it stands: joining would hold it twice
        else:
            self._transport.write(b"".join(out))  # of one it makes no copy

    # -- the connection ------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while self.state is not LinkState.CLOSED:
            if await self._connect():
                made_at = self._services.clock()
                await self._lost.wait()
                if self._services.clock() - made_at >= _MOMENT_S:
                    pause_s = _FIRST_PAUSE_S
                    continue
            self.state = LinkState.BROKEN
            self._fail()
            # Jitter: clients of a server that comes back must not all arrive in the same instant.
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _connect(self) -> bool:
        """Make the connection and greet; False when that failed."""
        self._lost.clear()
        self._settled.clear()
        self.server.counters.connects += 1
        is_open = False
        try:
            async with asyncio.timeout(self._connect_s):
                await open_connection(
                    self._services.loop, self.server, lambda: self, secure_to(self.server, self._services)
                )
                is_open = True
                await self._settled.wait()
        except OSError:  # TimeoutError is one
            self._fault = ""
            if not is_open and self._transport is not None and not self._transport.is_closing():
                # The time was over in the very turn in which there was a connection: uvloop has closed it, and says
                # so to nobody.
                self.connection_lost(None)
            if self._transport is not None and not self._settled.is_set():  # it is when greeted in this very turn
                self._fault = "does not answer the greeting"
                self._transport.abort()
                await self._lost.wait()
        if self._transport is not None:
            return True
        self.server.counters.connect_errors += 1
        return False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet; what was parked follows when that is answered."""
        self._transport = cast("asyncio.Transport", transport)
        self._splitter = ReplySplitter()
        self._database = 0
        self.server.current += 1
        self.server.counters.sessions_max = max(self.server.counters.sessions_max, self.server.current)
        greetings = list(greetings_of(self.server, self._protocol, self._learn, self._identity))
        self._greetings = len(greetings)
        self._owed += len(greetings)
        for raw, find_fault in greetings:
            self._waiting.append(_Greeted(self, find_fault))
            self._transport.write(raw)
        if greetings:
            self._progress_at = self._services.clock()
            self._services.wheel.watch(self)
        else:
            self._begin()

    def greeted(self, fault: str) -> None:
        """Take note that the server has answered a greeting, with that `fault`."""
        if not self._greetings:  # an earlier one was answered with a fault
            return
        self._greetings -= 1
        if fault:
            self._greetings = 0
            self._fault = fault
            self._report(self.server, Excerpt(b"", 0), f"it {fault}")
            self.break_off()
        elif not self._greetings:
            self._begin()

    def _begin(self) -> None:
        """Be ready, and send what was parked."""
        if self.state is not LinkState.CLOSED and self._transport is not None:
            self._transport.set_write_buffer_limits(_MOST_UNSENT_BYTES, _FEW_UNSENT_BYTES)
            self.state = LinkState.READY
            self._fault = ""
            for database, raw, waiting in self._parking.clear():
                self.send_in(database, raw, waiting)
        self._settled.set()

    def pause_writing(self) -> None:
        """Take no more commands for a server that does not read, or every client's would be held in memory."""
        if self.state is LinkState.READY or self.state is LinkState.ELSEWHERE:
            self.state = LinkState.BEHIND

    def resume_writing(self) -> None:
        """Take them again."""
        if self.state is LinkState.BEHIND:
            self.state = LinkState.ELSEWHERE if self._database else LinkState.READY

    def data_received(self, data: bytes) -> None:
        """Answer those whose replies are complete."""
        self._progress_at = self._services.clock()
        self.server.counters.bytes_out += len(data)
        try:
            replies = self._splitter.split(data)
        except ReplyError as error:
            self._report(self.server, Excerpt(*self._splitter.around(LIMIT)), str(error))
            self.break_off()
            return
        self._splitter.pushes.clear()  # nobody has asked for any
        self._owed -= len(replies)
        if self._owed < 0:
            self._report(self.server, Excerpt(data[:LIMIT], 0), "an answer that nobody asked for")
            self.break_off()  # it answers what nobody asked: from here on every reply would be somebody else's
            return
        if not self._greetings:  # clients' commands follow when those are answered
            self._ledger.answered(data, replies, monotonic())
        self._answer(replies)

    def _answer(self, replies: list[bytes]) -> None:
        waiting, at, end = self._waiting, 0, len(replies)
        while at < end:
            first = waiting[0]
            if first.wanted == 1:
                waiting.popleft()
                first.answer(replies[at])
                at += 1
            else:
                at = first.take(replies, at)
                if not first.wanted:
                    waiting.popleft()

    def connection_lost(self, error: Exception | None) -> None:
        """Answer those who wait with an error, and connect again."""
        self._transport = None
        self.server.current -= 1
        self._services.wheel.forget(self)
        if self.state is not LinkState.CLOSED:
            self.state = LinkState.CONNECTING
        self._fail()
        self._lost.set()
        self._settled.set()

    def break_off(self) -> None:
        """Drop a connection that can no longer be trusted."""
        self.server.counters.response_errors += 1
        if self._transport is not None:
            if self.state is not LinkState.CLOSED:
                self.state = LinkState.CONNECTING  # nothing more can be written
            self._transport.abort()

    def expires_at(self) -> float:
        """Return when `timeout server` is over for the reply that is due."""
        return self._progress_at + self._server_s if self._owed > 0 else inf

    def expired(self) -> None:
        """Drop the connection of a server that does not answer."""
        self.break_off()

    def _fail(self) -> None:
        """Answer those whose command is on the way with an error, hand back the commands of the others."""
        if self._identity is not None and self._owed and not self._greetings:
            self._identity.lost()
        lost = b"-SERVERDOWN connection to %s lost: the command may have been executed\r\n" % str(self.server).encode()
        waiting, parked, unsent = self._waiting, self._parking.clear(), self._out
        self._waiting, self._out = deque(), []
        self._owed = self._unsent = 0
        self._ledger.lost()
        while len(waiting) > len(unsent):
            first = waiting.popleft()
            self.server.counters.response_errors += first.wanted
            first.answer(lost)
        handed_back = [*zip(unsent, waiting, strict=True), *((raw, who) for _, raw, who in parked)]
        for raw, who in handed_back:
            who.refused(raw, self._down())

    def _down(self) -> bytes:
        if self.state is LinkState.BEHIND:
            most = _MOST_UNSENT_BYTES >> 20
            return f"-SERVERDOWN {self.server} does not read: {most} MB wait to be sent to it\r\n".encode()
        if self._fault:
            return f"-SERVERDOWN {self.server} {self._fault}\r\n".encode()
        return f"-SERVERDOWN {self.server} does not answer: its keys are out of reach until it does\r\n".encode()


def _select(database: int) -> bytes:
    return pack([b"SELECT", b"%d" % database])


class _Silent(One):
    """Waits for the answer to a SELECT: without it the connection is not what it is taken for."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def answer(self, reply: bytes) -> None:
        if reply.startswith(b"-"):
            self._link.break_off()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing to do: the next connection begins anew."""


class _Greeted(One):
    """Waits for the answer to a greeting."""

    __slots__ = ("_find_fault", "_link")

    def __init__(self, link: Link, find_fault: Callable[[bytes], str]) -> None:
        self._link = link
        self._find_fault = find_fault

    def answer(self, reply: bytes) -> None:
        """Look at it, unless the connection is lost by now."""
        if self._link.connected:
            self._link.server.counters.bytes_out -= len(reply)  # only clients' are counted
            self._link.greeted(self._find_fault(reply))

    def refused(self, raw: bytes, error: bytes) -> None:
        """Nothing to do: the next connection begins anew."""


_SENDABLE = frozenset({LinkState.READY, LinkState.ELSEWHERE, LinkState.CONNECTING})
