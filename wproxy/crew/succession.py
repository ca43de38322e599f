"""What the process that owns the state leaves to the one that takes its place, at a reload of any kind.

```
 new ── ESTATE, what it understands ──▶ old      before it serves; it waits for the answer
     ◀── ENTRIES …, ESTATE ───────────
 new ◀── TALLY, ENTRIES … ─────────── old        while the old one finishes its sessions: once a second, and at its end
```

They meet at a listening socket that is handed on like those of the clients (`wproxy.sockets`), so whoever finishes
reaches whoever serves by then, however many processes came in between. What is told is what was counted since it was
told last: each event counts once.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from functools import partial

from wproxy import meeting
from wproxy.config.acl.samples import text_of
from wproxy.crew.channel import Channel, wait
from wproxy.crew.supervisor import Supervisor
from wproxy.protocols.bus import Kind, Message
from wproxy.state import estate, tables, tallies
from wproxy.state.control import Control
from wproxy.state.stick import Entry, Key, LiveTable
from wproxy.state.tallies import Tally

_ANSWER_S = 5.0  # how long the process before may take for a part; it serves clients meanwhile
_LONGEST_S = 20.0  # and for all of it: some million entries
_LAST_S = 2.0  # how long the last message may take
_TICK_S = 1.0
_ROOM_S = 0.002  # between two looks whether the next process has taken what it was sent


class Succession:
    """Both roles of one process: heir of the one before, and later the one that leaves.

    `count` returns what has been counted, `add` takes in what others have counted.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        meeting: socket.socket,
        control: Control,
        count: Callable[[], Tally],
        add: Callable[[Tally], None],
        share: Callable[[tables.Entries], None],
    ) -> None:
        self._loop = loop
        self._meeting = meeting
        self._name = meeting.getsockname()
        self._control = control
        self._registry = control.registry
        self._count = count
        self._add = add
        self._share = share  # gives entries to the other processes of this generation
        self._told: Tally | None = None  # None until somebody has asked
        self._told_at = 0.0
        self._channels: set[Channel] = set()
        self._heir: Channel | None = None
        self._used: dict[tuple[str, Key], Entry] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._inherited = False
        self._heard = 0  # messages

    # -- the heir ------------------------------------------------------------------------------------------------

    def inherit(self) -> bool:
        """Go on from what the process before leaves; tell whether it left anything. The loop stands still meanwhile."""
        channel = self._reach()
        if channel is None:
            return False
        channel.send(Kind.ESTATE, estate.fingerprint())
        ends_at = self._loop.time() + _LONGEST_S
        while not self._inherited and self._loop.time() < ends_at and self._hears_more(channel):
            pass
        channel.close()
        return self._inherited

    def _hears_more(self, channel: Channel) -> bool:
        """Wait for the next message; tell whether there was one in time."""
        heard = self._heard
        return wait([channel], lambda: self._heard > heard, _ANSWER_S)

    def open(self) -> None:
        """Be there for those who finish, and for the next process."""
        self._meeting.setblocking(False)
        self._loop.add_reader(self._meeting, self._accept)

    @property
    def has_heir(self) -> bool:
        """Whether another process has been told what to go on from."""
        return self._told is not None

    def _accept(self) -> None:
        sock = meeting.accept(self._meeting)
        if sock is not None:
            self._channels.add(Channel(self._loop, sock, self._receive, self._channels.discard))

    def _reach(self) -> Channel | None:
        """Connect to whoever serves."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            sock.connect(self._name)
        except OSError:  # nobody is there, or too many are waiting
            sock.close()
            return None
        return Channel(self._loop, sock, self._receive, self._lost)

    def _lost(self, channel: Channel) -> None:
        if channel is self._heir:
            self._heir = None

    def _receive(self, channel: Channel, message: Message) -> None:
        self._heard += 1
        match message:
            case Message(Kind.ESTATE, left) if channel not in self._channels:
                self._inherited = True
                if left is not None:
                    estate.take_over(self._control, left["parties"])
                    self._add(left["counted"])
            case Message(Kind.ESTATE, understood):
                self._leave_to(channel, understood == estate.fingerprint())
            case Message(Kind.TALLY, counted):
                self._add(counted)
            case Message(Kind.ENTRIES, entries):
                self._share(tables.learn(self._registry, entries, self._loop.time()))

    # -- the one that leaves -------------------------------------------------------------------------------------

    def _leave_to(self, channel: Channel, understands: bool) -> None:
        """Tell the next process all there is; it may still fail to start, and then nothing has changed."""
        if not understands:
            channel.send(Kind.ESTATE, None)
            return
        self._told_at = self._loop.time()
        self._send_entries(channel, estate.entries(self._registry, self._told_at))

    def _send_entries(self, channel: Channel, rows: Iterator[tables.Entries]) -> None:
        """Send a part, the next one when that has been taken; clients are served in between."""
        if not channel.open:
            return
        if channel.waiting:
            self._loop.call_later(_ROOM_S, self._send_entries, channel, rows)
            return
        part = next(rows, None)
        if part is not None:
            channel.send(Kind.ENTRIES, part)
            self._loop.call_soon(self._send_entries, channel, rows)
            return
        self._told = self._count()
        parties = estate.parties(self._registry, self._loop.time())
        channel.send(Kind.ESTATE, {"counted": self._told, "parties": parties})

    def finish(self) -> None:
        """Leave the meeting to the next process, and tell it from now on what still comes to be counted."""
        self._leave_meeting()
        if self._told is None or self._timer is not None:
            return
        for table in self._registry.tables.values():
            table.on_use = self._use
        self._tick()
        if self._heir is not None:
            for part in estate.entries(self._registry, self._loop.time(), self._told_at):
                self._heir.send(Kind.ENTRIES, part)

    def _use(self, table: LiveTable, key: Key, entry: Entry) -> None:
        self._used[table.name, key] = entry

    def pass_on(self, entries: tables.Entries) -> None:
        """Take note of entries that workers have stored or used."""
        if self._heir is not None and entries:
            self._heir.send(Kind.ENTRIES, entries)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK_S, self._tick)
        self._tell()

    def _tell(self) -> None:
        assert self._told is not None
        self._heir = self._heir or self._reach()
        if self._heir is None or self._heir.waiting:
            return
        counted = self._count()
        self._heir.send(Kind.TALLY, tallies.difference(counted, self._told))
        self._told = counted
        rows: tables.Entries = {}
        for (name, key), entry in self._used.items():
            rows.setdefault(name, []).append(tables.row(text_of(key), entry))
        self._used.clear()
        if rows:
            self._heir.send(Kind.ENTRIES, rows)

    def _leave_meeting(self) -> None:
        if self._meeting.fileno() >= 0:
            self._loop.remove_reader(self._meeting)
            self._meeting.close()

    def close(self) -> None:
        """Say the last word."""
        self._leave_meeting()
        if self._timer is not None:
            self._timer.cancel()
        if self._told is not None:
            self._tell()
        if self._heir is not None:
            self._heir.finish(_LAST_S)
        for channel in list(self._channels):
            channel.close()


def follow(
    loop: asyncio.AbstractEventLoop,
    meeting: socket.socket,
    control: Control,
    crew: Supervisor | None,
    dropped_logs: Callable[[], int],
) -> Succession:
    """Return what connects the process that owns the state, with its workers or alone, with those before and after it.

    `dropped_logs` tells how many lines of logs it could not send itself.
    """
    registry = control.registry

    def count() -> Tally:
        if crew is not None:
            crew.refresh()
        return estate.counted(registry, dropped_logs() + registry.dropped_logs)

    def share(entries: tables.Entries) -> None:
        if crew is not None:
            crew.share(entries)

    add = partial(tallies.add, registry) if crew is None else crew.inherit
    made = Succession(loop, meeting, control, count, add, share)
    if crew is not None:
        crew.on_entries = made.pass_on
    return made
