"""One client of mode redis: commands in, replies out in the same order."""

from __future__ import annotations

import asyncio
from typing import cast

from wproxy.config.login import Login
from wproxy.dataplane.carriage import describe
from wproxy.dataplane.ends import peer_of
from wproxy.dataplane.redis.conversation import Conversation
from wproxy.dataplane.redis.guard import Guard
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.redis.slot import Slot
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.secrets import NAMES, hidden, masked
from wproxy.policy.redis.window import Window
from wproxy.protocols.resp import (
    Long,
    Request,
    RequestError,
    RequestParser,
    Run,
    arguments_of,
    match_command,
)
from wproxy.protocols.resp.values import error as error_reply
from wproxy.state.captures import LIMIT, NOBODY, Capture, Excerpt, Named, Side
from wproxy.state.session import UNKNOWN_ADDRESS, Carriage, Session

_MOST_BEHIND_HELD = 64 * 1024  # bytes read behind a command that waits


class RedisConnection(Conversation):
    """Parses what one client sends, has it done, and writes the replies in order.

    It stops reading while its window is full or the client does not take its replies, so that what one client costs is
    bounded by one read and the replies in the window.
    """

    __slots__ = (
        "active_at", "at_eof", "closed", "left", "parser", "partial", "stalled", "touched", "untaken", "window",
    )  # fmt: skip

    def __init__(self, route: Route, router: Router, services: Services, session: Session | None = None) -> None:
        super().__init__(route, router, services, session)
        self.parser = RequestParser()
        self.partial = False  # there is something that has to be done first: bytes in the parser, commands in `left`
        self.left: list[Request] = []  # taken from the parser, but to wait until nothing is under way
        self.window = Window()
        self.active_at = 0.0
        self.touched = False  # a flush is due
        self.stalled = False  # reading has stopped
        self.untaken = 0  # bytes of replies it had not taken when that was last looked at; only while not writable
        self.at_eof = False  # the client sends no more
        self.closed = False  # nothing more is to be written
        self.lock()

    # -- the loop's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        self.transport = cast("asyncio.Transport", transport)
        now = self.active_at = self.services.clock()
        self.session = self._opened or self.services.sessions.open(self.route.frontend, self.route.backend, now)
        self.session.carrier = self
        self.client_id = self.session.session_id
        self.route.backend.opened(now)
        if self.route.log is not None:
            self.route.log.began(self.session, self.transport)
        self.services.wheel.watch(self)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of the client."""
        self.session.bytes_in += len(data)
        self.active_at = self.services.clock()
        if self.plain and not self.partial and not self.held:
            if not self.places and self._alone(data):
                return
            run = self.parser.run_in(data, self.window.room(self.under_way))
            if run is not None:
                data = data[len(run.whole) :]
                if self._run(run) and not data:
                    return
        if data:
            self.window.received(len(data))
            self.parser.feed(data)
        self._work()

    def eof_received(self) -> bool:
        """Answer what is under way, then close."""
        self.at_eof = True
        self._work()
        self._write()
        return True

    def pause_writing(self) -> None:
        """Ask for nothing more while the client does not take what it has asked for."""
        self.writable = False
        self.settle()
        self.untaken = self.transport.get_write_buffer_size()

    def resume_writing(self) -> None:
        """Go on; a client that takes its replies is not silent."""
        self.writable = True
        self.settle()
        self.untaken = 0
        self.active_at = self.services.clock()
        self._work()

    def connection_lost(self, error: Exception | None) -> None:
        """End the session and give back everything; replies that are still to come are dropped."""
        if error is not None:
            self.route.backend.counters.client_aborts += 1
        self.closed = self.stopping = True
        self.settle()
        self.session.end("--" if error is None else "CD")
        self.services.wheel.forget(self)
        if self.route.log is not None:
            self.route.log.ended(self.session)
        self.services.sessions.close(self.session)
        self.route.backend.current -= 1
        self.places.clear()
        self.let_go()

    # -- commands ------------------------------------------------------------------------------------------------

    def _alone(self, data: bytes) -> bool:
        """Route `data` if it is one command; nothing else is under way."""
        command = match_command(data)
        if command is None:
            return False
        head, key = command
        self.route.frontend.counters.requests += 1
        if (name := self.door.heads.get(head)) is not None:
            slot = Slot(self, name)
            self.places.append(slot)
            self.under_way = 1
            self.router.to_owner(slot_of(key), (key,), data, slot, self.protocol)
        else:
            self._commands([(arguments_of(data), data)])
            self._read_or_stall()
        return True

    def _work(self) -> None:
        """Route the commands that are there, as many as may be under way; then write what is answered."""
        while self.writable and not self.stopping:
            if self.held:
                if self.places:
                    break
                self.held = False
            if (room := self.window.room(self.under_way)) <= 0:
                break
            if self.left:
                self._commands(self.left)
                continue
            if self.plain and (run := self.parser.take_run(room)) is not None:
                self._run(run)
                continue
            if self.plain and (longs := self.parser.take_long(room)):
                self._long(longs)
                continue
            try:
                requests = self.parser.take(room)
            except RequestError as error:
                self._reject(error)
                break
            if not requests:
                break
            self.route.frontend.counters.requests += len(requests)
            self._commands(requests)
        if self.at_eof and self.blocked is not None:
            self.close("CD")  # as Redis does: who has hung up will not take what comes
        elif self.at_eof and not self.places:
            self._write()
        self.partial = bool(self.left) or not self.parser.idle
        self._read_or_stall()

    def _run(self, run: Run) -> bool:
        """Route short commands; tell whether it was done with all at once."""
        self.route.frontend.counters.requests += len(run.raws)
        place = self.door.gather(run, self, self.protocol)
        if place is None:
            self._commands(run.requests())
            return False
        self.places.append(place)
        self.under_way += place.commands
        return True

    def _long(self, commands: list[Long]) -> None:
        """Route commands of which one argument is long."""
        self.route.frontend.counters.requests += len(commands)
        self._keep_order()
        for done, (head, key, raw) in enumerate(commands):
            if self.plain and (name := self.door.heads.get(head)) is not None:
                self.router.to_owner(slot_of(key), (key,), raw, self.place(name), self.protocol)
            else:
                self._commands([(arguments_of(raw), raw)])
            if self.stopping:
                break
            if self.held:
                self.left += [(arguments_of(each.raw), each.raw) for each in commands[done + 1 :]]
                break

    def _commands(self, requests: list[Request]) -> None:
        """Route commands one by one."""
        self._keep_order()
        self.touched = True  # what the proxy answers itself is written below, without another turn of the loop
        self.left = []
        for done, (arguments, raw) in enumerate(requests):
            if not self.command(arguments, raw):
                self.left = requests[done:]
                break
            if self.stopping:
                break
            if self.held:
                self.left = requests[done + 1 :]
                break
        self._write()

    def _keep_order(self) -> None:
        """Have what was gathered sent before what comes now, which must not overtake this client's part of it."""
        if self.places:
            self.router.deal()

    def _reject(self, error: RequestError) -> None:
        """Answer bytes that are no command, and read no more: where the next command begins is not known."""
        self.route.frontend.counters.request_errors += 1
        self._keep_error(str(error))
        self.place().answer(error_reply(f"ERR Protocol error: {error}"))
        self.quit()
        self._write()

    def _keep_error(self, reason: str) -> None:
        """Keep what the client said wrong, for `show errors`, without its secrets."""
        excerpt = Excerpt(*self.parser.around(LIMIT))
        secret = self.confided or self.parser.begun.upper() in NAMES
        data = hidden(excerpt.data) if secret else masked(excerpt.data)
        frontend, backend = self.route.frontend, self.route.backend
        self.services.captures.keep(
            Capture(
                Side.REQUEST,
                self.services.clock(),
                Named(frontend.name, frontend.proxy_id),
                Named(backend.name, backend.proxy_id),
                NOBODY,
                self._source(),
                excerpt._replace(data=data),
                (f"session #{self.client_id}, RESP: {reason}",),
            )
        )

    def _source(self) -> tuple[str, int] | None:
        if self.session.source != UNKNOWN_ADDRESS:
            return self.session.source
        return peer_of(self.transport)

    def origin(self) -> tuple[str, int]:
        """Return the client's address, and the database that it is in (`slot.Owner`)."""
        source = self._source()
        return ("unix" if source is None else _shown(*source)), self.database

    # -- who may come in -----------------------------------------------------------------------------------------

    @property
    def login(self) -> Login | None:
        """What the client must log in with; None where nobody has to."""
        return self.route.frontend.config.login

    def lock(self) -> None:
        """Shut the client out until it logs in, as one that has just come."""
        if self.login is not None and self.guard is None:
            self.door = self.guard = Guard(self.router)
            self.parser.guard()

    def let_in(self) -> None:
        """Take note that the client has logged in."""
        if self.guard is not None:
            self.door = self.router
            self.guard = None
            self.parser.guarded = False

    # -- replies -------------------------------------------------------------------------------------------------

    def answered(self) -> None:
        """Write the reply to all that is under way, or have replies gathered until this turn of the loop ends."""
        if self.touched:
            return
        places = self.places
        reply = places[0].reply if places else b""
        if reply is None:
            return  # nothing can be written before it
        if len(places) != 1 or self.stalled or self.stopping or self.at_eof or self.held:
            self.touched = True
            self.router.turn.add(self)
            return
        size = len(reply)
        self.session.bytes_out += size
        self.window.replied(self.under_way, size, 0)
        self.under_way = 0
        places.popleft()
        self.transport.write(reply)

    def flush(self) -> None:
        """Write the replies that came during this turn, then go on with what had to wait for them (`turn.Flushed`)."""
        self._write()
        if self.stalled or self.held:
            self._work()

    def _write(self) -> None:
        """Write the replies in front that are there; close behind the last one when the session is to end."""
        self.touched = False
        if self.closed:
            return
        places = self.places
        replies: list[bytes] = []
        count = 0
        while places and (reply := places[0].reply) is not None:
            replies.append(reply)
            count += places.popleft().commands
        if replies:
            data = b"".join(replies) if len(replies) > 1 else replies[0]
            self.session.bytes_out += len(data)
            self.transport.write(data)
            self.under_way -= count
            self.window.replied(count, len(data), self.under_way)
        # A stalled client has commands in the parser; its end is seen only after they have been taken.
        if not places and (self.stopping or (self.at_eof and not self.stalled and not self.held)):
            self.closed = True
            self.transport.close()  # once the replies are taken, `connection_lost` is called

    def _read_or_stall(self) -> None:
        """Read from the client only while more of its commands may be under way; after its last one, nothing."""
        if self.held:  # a client that waits for data must be heard when it leaves
            full = self.stopping or not self.writable or self.parser.buffered > _MOST_BEHIND_HELD
        else:
            full = self.stopping or not self.writable or self.window.room(self.under_way) <= 0
        if full == self.stalled or self.closed:
            return
        self.stalled = full
        if full:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # -- the end -------------------------------------------------------------------------------------------------

    def quit(self) -> None:
        """Take no more commands; close when those under way are answered (`Conversation`)."""
        self.stopping = True
        self.settle()

    def carriage(self) -> Carriage:
        """Describe the client's end; the connections to the servers are everybody's (`state.session.Carrier`)."""
        return describe(self.transport, None, "EST", self.expires_at(), self.services.clock())

    def standing(self) -> None:
        """Tell that no server's connection is its own: each command goes by the weights (`state.session.Carrier`)."""

    def owes_answer(self) -> bool:
        """Tell whether a reply is to come (`state.session.Carrier`)."""
        return bool(self.places)

    def kill(self) -> None:
        """End the session because an administrator says so (`state.session.Carrier`)."""
        self.close("K-")

    def close(self, cause: str) -> None:
        """End the session at once, for `cause`."""
        self.session.end(cause)
        self.transport.abort()

    def expires_at(self) -> float:
        """Return when `timeout client` is over."""
        return self.active_at + (self.route.frontend.config.timeouts.client_s or float("inf"))

    def expired(self) -> None:
        """Drop a client that has been silent for too long; one that waits for a reply, or takes one, is not silent."""
        untaken, before = self.transport.get_write_buffer_size(), self.untaken
        if (self.places and self.writable) or untaken < before or (self.subscriber is not None and self.writable):
            self.untaken = min(untaken, before)
            self.active_at = self.services.clock()
            self.services.wheel.watch(self)
        else:
            self.session.end("cD")
            self.transport.abort()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
