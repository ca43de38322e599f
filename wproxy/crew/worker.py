"""A worker's side of the bus: follows the state, tells what it counts, asks for places on servers.

When the supervisor is away the worker goes on with the state that it has, and looks for the next one.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable

from wproxy.config.acl.samples import text_of
from wproxy.crew.channel import Channel, wait
from wproxy.crew.role import Bus, Role
from wproxy.errors import WproxyError
from wproxy.protocols.bus import Json, Kind, Message
from wproxy.state import following, tables, tallies
from wproxy.state.backend import Backend
from wproxy.state.captures import Capture
from wproxy.state.control import Control
from wproxy.state.epochs import Report
from wproxy.state.redis_view import all_seen
from wproxy.state.server import Server
from wproxy.state.stick import Entry, Key, LiveTable

_TICK_S = 1.0
_START_S = 10.0  # how long the supervisor may take to tell the state
_AGAIN_S = 0.05  # between two attempts to reach the next supervisor
_SHORT_S = 0.02  # between two looks at the places of servers, while some are short
_ANSWER_S = 1.0  # how long an answer may take, while this worker serves nobody
_LAST_S = 2.0  # how long the last message may take


class Worker:
    """Follows the supervisor with `control`.

    `run` does a command of the stats socket at a level, `dropped_logs` tells how many lines of logs were lost, and
    `finish` begins the end, `stand_back` lets the others accept for a moment.
    """

    def __init__(
        self,
        role: Role,
        control: Control,
        loop: asyncio.AbstractEventLoop,
        run: Callable[[int, str], str],
        dropped_logs: Callable[[], int],
        finish: Callable[[], None],
        stand_back: Callable[[], None],
    ) -> None:
        assert role.bus is not None
        self._role = role
        self._bus: Bus = role.bus
        self._control = control
        self._registry = control.registry
        self._loop = loop
        self._run = run
        self._dropped_logs = dropped_logs
        self._finish = finish
        self._stand_back = stand_back
        self._since = time.time()
        self._records: following.Records = {}
        self._channel: Channel | None = None
        self._versions: dict[str, int] = {}  # of the lease of each server
        self._told: dict[str, list[int]] = {}  # what was said of each last
        self._entries: dict[tuple[str, Key], Entry] = {}  # used here, and not told yet
        self._counted = tables.Counted()
        self._captures: dict[tuple[int, str], Capture] = {}
        self._places: dict[str, list[dict[str, int]]] = {}
        self._questions = 0
        self._answers: dict[int, Json] = {}  # of the supervisor
        self._looking = False  # at the places of servers, soon
        self._short: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def start(self) -> None:
        """Come into the state that the supervisor knows; raise WproxyError when it does not tell."""
        self._bus.listening.close()
        registry = self._registry
        registry.sessions.base = self._role.serial << 32
        registry.sessions.on_change = self._count
        self._bus.headcount.note(self._role.number, 0)
        registry.captures.on_keep = self._keep
        for table in registry.tables.values():
            table.on_use = self._use
            table.on_count = self._count_in
        for backend in registry.backends.values():
            backend.on_wait = self._look_soon
        self._connect()
        if self._channel is None or not wait([self._channel], lambda: bool(self._records), _START_S):
            raise WproxyError("the supervisor does not tell the state: is it alive?")
        self._timer = self._loop.call_later(_TICK_S, self._tick)

    def close(self) -> None:
        """Tell what was counted, and leave."""
        self._ended = True
        for timer in (self._timer, self._short):
            if timer is not None:
                timer.cancel()
        if self._channel is not None:
            self._tell_entries()
            self._channel.send(Kind.LAST_TALLY, self._tally())
        if self._channel is not None:  # the supervisor may have ended first
            self._channel.finish(_LAST_S)

    def _connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(self._bus.address)
        except OSError:
            sock.close()
            if not self._ended:
                self._loop.call_later(_AGAIN_S, self._connect)
            return
        self._channel = Channel(self._loop, sock, self._receive, self._lost)
        # What it is going to be told is a change of what it knows: leases are given out anew.
        hello = {
            "token": self._bus.token, "number": self._role.number, "pid": os.getpid(), "since": self._since,
            "records": self._records, "held": self._held(),
        }  # fmt: skip
        self._channel.send(Kind.HELLO, hello)
        if self._records:
            self._counted.take()  # is part of what follows
            self._channel.send(Kind.ENTRIES, tables.all_entries(self._registry, self._loop.time()))
            self._channel.send(Kind.PLACES, self._places)

    def _lost(self, channel: Channel) -> None:
        self._channel = None
        if not self._ended:
            self._loop.call_later(_AGAIN_S, self._connect)

    def _receive(self, channel: Channel, message: Message) -> None:
        match message:
            case Message(Kind.STATE, state):
                self._follow(state["records"])
                self.tell_places()
                channel.send(Kind.DONE, state["number"])
            case Message(Kind.ASK, (number, question, argument)):
                self._tell_entries()
                channel.send(Kind.ANSWER, [number, self._answer(question, argument)])
            case Message(Kind.ENTRIES, entries):
                tables.learn(self._registry, entries, self._loop.time())
            case Message(Kind.COUNTS, changes):
                tables.follow(self._registry, changes, self._loop.time())
            case Message(Kind.ACT, _):
                self._finish()
            case Message(Kind.ANSWER, (number, answer)):
                if number == self._questions:  # otherwise it comes too late
                    self._answers[number] = answer

    def _follow(self, records: following.Records) -> None:
        leases = {key[6:]: record for key, record in records.items() if key.startswith("lease ")}
        state = {key: record for key, record in records.items() if key[6:] not in leases}
        self._records.update(state)
        config = self._registry.config
        following.apply(self._control, state, lambda name: self._role.share(config, name))
        for server in self._registry.servers() if leases else ():
            name = str(server)
            if name in leases:
                self._lease(server, leases[name])
        if leases:
            self._look()

    def _answer(self, question: str, argument: Json) -> Json:
        match question:
            case "tally":
                self._send(Kind.TALLY, self._tally())
                return None
            case "run":
                return self._run(*argument)
            case "progress":
                report = self._begun(argument)
                return None if report is None else report.progress()
            case "owes":
                report = self._begun(argument[0])
                return None if report is None else report.owes(argument[1])
        raise AssertionError(question)

    def _begun(self, name: str) -> Report | None:
        """Return what tells of the keys of a backend, None here where none move and before its router has begun."""
        report = self._registry.backends[name].epochs
        return report if report is not None and report.places() else None

    def request(self, question: str, argument: object) -> Json:
        """Ask the supervisor and wait for its answer, a few milliseconds; None when it is away."""
        channel = self._channel
        if channel is None:
            return None
        self._questions += 1
        number = self._questions
        channel.send(Kind.ACT, [number, question, argument])
        wait([channel], lambda: number in self._answers, _ANSWER_S)
        return self._answers.pop(number, None)

    def _send(self, kind: Kind, body: object) -> None:
        if self._channel is not None:
            self._channel.send(kind, body)

    def _count(self, sessions: int) -> None:
        if self._bus.headcount.note(self._role.number, sessions):
            self._stand_back()

    # -- what it tells -------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK_S, self._tick)
        if self._channel is not None and not self._channel.waiting:  # otherwise the supervisor is busy
            self._channel.send(Kind.TALLY, self._tally())

    def _tally(self) -> tallies.Tally:
        made = tallies.tally(self._registry, self._dropped_logs())
        captures, self._captures = self._captures, {}
        made["views"] = all_seen({name: backend.view for name, backend in self._registry.backends.items()})
        made["captures"] = [tallies.of_capture(capture) for capture in captures.values()]
        return made

    def _keep(self, capture: Capture) -> None:
        self._captures[capture.proxy.number, capture.side.value] = capture

    def tell_places(self) -> None:
        """Tell by which weights keys lie, if that has changed."""
        reports = {name: backend.epochs for name, backend in self._registry.backends.items()}
        told = {name: report.places() for name, report in reports.items() if report is not None}
        places = {name: weights for name, weights in told.items() if weights}  # none before its router has begun
        if places != self._places:
            self._places = places
            self._send(Kind.PLACES, places)

    def _use(self, table: LiveTable, key: Key, entry: Entry) -> None:
        self._tell_entries_soon()
        self._entries[table.name, key] = entry

    def _count_in(self, table: LiveTable, key: Key, event: str, number: int) -> None:
        self._tell_entries_soon()
        self._counted.note(table, key, event, number)

    def _tell_entries_soon(self) -> None:
        if not (self._entries or self._counted):
            self._loop.call_soon(self._tell_entries)

    def _tell_entries(self) -> None:
        """Tell the entries that have come or grown younger, and what was counted in them, unless that has to wait."""
        if self._channel is None:
            self._entries.clear()
            self._counted.take()
            return
        if not (self._entries or self._counted):
            return
        if self._channel.waiting:
            self._loop.call_later(_SHORT_S, self._tell_entries)
            return
        rows: tables.Entries = {}
        for (name, key), entry in self._entries.items():
            rows.setdefault(name, []).append(tables.row(text_of(key), entry))
        self._entries.clear()
        if rows:
            self._channel.send(Kind.ENTRIES, rows)
        if self._counted:
            self._channel.send(Kind.COUNTS, self._counted.take())

    # -- places on servers ---------------------------------------------------------------------------------------

    def _lease(self, server: Server, lease: Json) -> None:
        name, backend = str(server), self._registry.backends[server.backend_name]
        if lease is None:
            server.lease = None
            self._versions.pop(name, None)
        else:
            self._versions[name], server.lease = lease
        self._told.pop(name, None)
        backend.serve_queue()

    def _held(self) -> dict[str, int]:
        servers = (server for server in self._registry.servers() if server.lease is not None)
        return {str(server): max(server.current, server.lease or 0) for server in servers}

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        """Tell how many places of each leased server are used and wanted; again soon, while some are short."""
        self._looking = False
        loads, is_short = {}, False
        for backend in self._registry.backends.values():
            shared = self._wanted_by_any(backend)
            for server in backend.servers:
                if server.lease is None or server.maxconn is None:
                    continue
                wanted = server.current + len(server.queue) + shared
                sessions = backend.current if server.minconn else 0  # which its limit depends on
                load = [self._versions[str(server)], max(server.current, server.lease), wanted, sessions]
                is_short = is_short or wanted > server.lease
                if self._told.get(str(server)) != load:
                    self._told[str(server)] = loads[str(server)] = load
        if loads:
            self._send(Kind.LOAD, loads)
        if is_short and self._short is None:
            self._short = self._loop.call_later(_SHORT_S, self._look_again)

    def _look_again(self) -> None:
        self._short = None
        self._look()

    @staticmethod
    def _wanted_by_any(backend: Backend) -> int:
        """Return how many of those who wait for any server may come to one of them."""
        return -(-len(backend.queue) // max(backend.usable, 1))
