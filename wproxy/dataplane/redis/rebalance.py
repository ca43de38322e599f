"""Carries out the epochs of one backend with `balance key`: changes of the slot table, and commands on moving slots.

    steady:   router.owners[slot] = number of a server    ──▶ link                (nothing of this file takes part)
    moving:   router.owners[slot] = MOVING                 ──▶ Rebalance.send ──▶ MovingSlot ──▶ link, mover

A slot that is settled gets its server's number back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, Protocol

from wproxy.dataplane.redis.fencing import Fencing
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.login import Identity
from wproxy.dataplane.redis.mover import Mover
from wproxy.dataplane.redis.scanner import Scanner
from wproxy.dataplane.redis.slot import Owner, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import MOVING, SLOTS, SlotTable
from wproxy.policy.redis.actions import Actions, Ask, Command, Delete, Done, Key, Move, Outcome, Refuse, Send
from wproxy.policy.redis.epochs import Chain, Fence
from wproxy.policy.redis.moving import MovingSlot
from wproxy.policy.redis.whereabouts import MOST, everywhere
from wproxy.state.backend import Backend
from wproxy.state.epochs import Progress, ServerProgress
from wproxy.state.server import Server

LIMIT_BYTES = 256 * 1024  # a larger value is used where it is until the clients leave time to move it


class Links(Protocol):
    """What is asked of the router."""

    backend: Backend
    turn: Turn
    owners: list[int]
    watcher: Watcher | None

    def send(self, index: int, raw: bytes, waiting: Waiting, protocol: int, database: int = 0) -> None:
        """Send a command to the server of that index."""

    def link(self, server: Server, protocol: int) -> Link:
        """Return the link that clients' commands take."""

    def links_to(self, server: Server) -> list[Link]:
        """Return all links that clients' commands may be under way on."""

    def connect(self, server: Server, protocol: int = 2, *, identity: Identity | None = None) -> Link:
        """Return a link that nobody else uses, opened."""

    def when_quiet(self, slots: frozenset[int], call: Callable[[], None]) -> None:
        """Call when nothing is under way on `slots` over connections of their own."""


class Held:
    """A client's command on a moving slot."""

    __slots__ = ("database", "keys", "protocol", "raw", "waiting")

    def __init__(self, keys: Sequence[Key], raw: bytes, waiting: Waiting, protocol: int, database: int) -> None:
        self.keys = keys
        self.raw = raw
        self.waiting = waiting
        self.protocol = protocol
        self.database = database


class Rebalance:
    """Owns the chain of epochs of the router's backend (`mover.Results`, `state.epochs.Report`)."""

    def __init__(self, links: Links, services: Services) -> None:
        self.mover = Mover(self._server, links.connect, links.turn, self)
        self.window_s = links.backend.config.redis_window_s
        self.chain = Chain(LIMIT_BYTES if self.window_s is None else float("inf"))
        self.waits: dict[Key, list[Callable[[bool], None]]] = {}  # who wants to know of the background's keys
        self._links = links
        self._services = services
        self._placed: list[str] | None = None  # the name of each slot's owner, by the last table that had any
        self._weights: dict[str, int] = {}  # that table's
        self._before: dict[int, dict[str, int]] = {}  # by epoch, the weights before it
        self._scanners: dict[str, Scanner] = {}
        self._moved_before = 0  # keys moved in epochs that are over
        self._under_way = 0  # actions that the mover has not told the end of
        self._pauses = 0  # those for whom no action may begin
        self._queued: list[Ask | Move | Delete] = []  # meanwhile
        self._when_still: list[Callable[[], None]] = []  # who waits until none is under way
        self._nobody = True  # no server has a weight now
        self._begun = False
        self._numbers: dict[str, int] = {}  # of the servers, by name
        self._there: set[str] = set()  # servers that keys may be fetched from

    # -- changes -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Take the table that is in force for where the keys are; from now on a change opens an epoch.

        What the process before has not finished is taken up again.
        """
        self._begun = True
        places, self._links.backend.places = self._links.backend.places, []
        for weights in places:
            self._take(weights)
        self.follow()

    def follow(self) -> None:
        """Take note of the backend's slot table and list of servers, which may have changed."""
        if not self._begun:
            return
        servers, table = self._links.backend.servers, self._links.backend.slots
        self._numbers = {server.name: number for number, server in enumerate(servers)}
        # In maintenance a server is asked, though no health check tells how it is.
        self._there = {server.name for server in servers if server.running or server.admin.maint}
        self._refuse_stuck()
        self._nobody = table.owners[0] < 0
        if not self._nobody:
            self._take({server.name: weight for server, weight in zip(servers, table.weights, strict=True)}, table)
            self._mark(self.chain.moving)

    def _take(self, weights: dict[str, int], table: SlotTable | None = None) -> None:
        """Let keys be where `weights` put them, from now on; a server that is gone for good has none to give."""
        known, names = self._links.backend.by_name, list(weights)
        owners = (table or SlotTable(names, list(weights.values()))).owners
        placed = [names[owner] for owner in owners]
        before = self._placed or placed
        if not known.keys() >= weights.keys():  # what was to go to a server that is gone is where it was
            placed = [new if new in known else old for old, new in zip(before, placed, strict=True)]
        pairs = enumerate(zip(before, placed, strict=True))
        moves = {slot: (old, new) for slot, (old, new) in pairs if old != new and old in known}
        before_it, self._placed, self._weights = self._weights, placed, weights
        if moves:
            self._change(moves, known=table is not None)
            self._before[self.chain.opened] = before_it

    def places(self) -> list[dict[str, int]]:
        """Return the weights before each open epoch, oldest first, and those now (`state.epochs.Report`)."""
        oldest = min(self.chain.epochs, default=self.chain.opened + 1)
        self._before = {number: weights for number, weights in self._before.items() if number >= oldest}
        if len(self._before) > MOST:
            tables = everywhere([*self._before.values()])
            self._before = dict(zip([*self._before][-len(tables) :], tables, strict=False))
        return [*self._before.values(), *([self._weights] if self._weights else [])]

    def _refuse_stuck(self) -> None:
        """Have nobody wait for a server that is known to be away."""
        away = self._numbers.keys() - self._there
        for name in away if self.chain.moving else ():
            self._do(self.chain.stuck(name))

    def _change(self, slots: dict[int, tuple[str, str]], *, known: bool) -> None:
        """Open an epoch, of this process if the place of each key before is `known`."""
        if not self.chain.epochs:
            self._moved_before = self.mover.moved
        for fence in self.chain.change(slots, self._services.clock(), known=known):
            if not known:
                # An epoch of the process before: nothing is under way here, and each owner has had its time, also one
                # who lost the slot at once.
                self._fenced(fence)
                continue
            fencing = Fencing(fence, self._fenced)
            fencing.await_one()
            self._links.when_quiet(fence.slots, fencing.passed)
            fencing.send(self._links_to(fence.server))
        self._forget(slots)

    def _links_to(self, name: str) -> list[Link]:
        server = self._server(name)
        return [] if server is None else self._links.links_to(server)

    def _fenced(self, fence: Fence) -> None:
        """Go on with the slots of `fence`: nothing is under way to the server that loses them."""
        now = self._services.clock()
        self._do(self.chain.fenced(fence, now))
        self._forget(fence.slots)
        if self.window_s is not None:
            self._services.loop.call_later(self.window_s + 0.01, self._window_over)
            return
        for name in self.chain.givers:
            if name not in self._scanners:
                self._scanners[name] = Scanner(name, self, self._services)
                self._scanners[name].start()

    def _window_over(self) -> None:
        if self.window_s is not None:
            self.settled(self.chain.outlived(self._services.clock(), self.window_s))

    def scanned(self, scanner: Scanner) -> None:
        """Let a scanner go that has nothing to look for any more."""
        del self._scanners[scanner.server]

    def _mark(self, slots: Sequence[int] | dict[int, MovingSlot]) -> None:
        """Have the router ask here about `slots`."""
        owners = self._links.owners
        for slot in slots:
            owners[slot::SLOTS] = [MOVING] * (len(owners) // SLOTS)

    def _forget(self, slots: Sequence[int] | frozenset[int] | dict[int, tuple[str, str]]) -> None:
        self.settled(self.chain.forget_finished(slots))

    def settled(self, slots: Sequence[int]) -> None:
        """Give slots that are settled back to the router."""
        if slots and not self._nobody and self._placed is not None:
            owners = self._links.owners
            for slot in slots:
                owners[slot::SLOTS] = [self._numbers[self._placed[slot]]] * (len(owners) // SLOTS)
        if slots and not self.chain.moving:
            # In another turn: the last answer may be in the middle of being passed on by a link of the mover's.
            self._services.loop.call_soon(self._rest)

    def _rest(self) -> None:
        if not self.chain.moving:
            self.mover.rest()
            if self._links.backend.on_settled is not None:
                self._links.backend.on_settled()

    def close(self) -> None:
        """Stop; whoever waits is told that it was not done."""
        for scanner in self._scanners.values():
            scanner.stop()
        for moving in self.chain.moving.values():
            for command in moving.waiting():
                assert isinstance(command, Held)
                command.waiting.refused(command.raw, b"-SERVERDOWN this proxy is stopping\r\n")
        self.mover.close()

    # -- commands ------------------------------------------------------------------------------------------------

    def send(
        self, slot: int, names: Sequence[bytes], raw: bytes, waiting: Waiting, protocol: int, database: int = 0
    ) -> None:
        """Send a command with the keys `names` of a moving slot, when its keys are where they should be."""
        moving = self.chain.moving[slot]
        number = self._numbers.get(moving.owner)  # None: it was deleted while no server had a weight
        if number is not None and len(names) == 1 and moving.at_home((database, names[0])):
            self._links.send(number, raw, waiting, protocol, database)
            return
        if self._links.watcher is not None:
            waiting = self._links.watcher.timed(raw, waiting, moving.owner)
        keys = [(database, name) for name in dict.fromkeys(names)]
        actions = moving.command(Held(keys, raw, waiting, protocol, database))
        if moving.holding:
            actions += [action for name in moving.givers - self._there for action in moving.stuck(name)]
        self._go_on(moving, actions)

    def find_homes(self, order: list[int], names: Sequence[bytes]) -> None:
        """Replace MOVING in `order`, for each of `names`, where a command on it may go to a server at once."""
        owners, numbers = self.chain.homes.owners, self._numbers
        for place in [place for place, number in enumerate(order) if number == MOVING]:
            owner = owners.get(names[place])
            if owner is not None:
                order[place] = numbers.get(owner, MOVING)

    def prepare(
        self,
        slot: int,
        names: Sequence[bytes],
        database: int,
        ready: Callable[[], None],
        failed: Callable[[bytes], None],
    ) -> None:
        """Call `ready` when the keys `names` are at the owner of a moving slot, `failed` when one cannot be moved."""
        left = [(database, name) for name in dict.fromkeys(names)]
        opened = self.chain.opened

        def go_on(settled: bool) -> None:
            if not settled:
                failed(f"-SERVERDOWN {self._links.backend.name}: a key cannot be moved to its server now\r\n".encode())
            elif left:
                self.background(slot, left.pop(), go_on, force=True)
            elif opened != self.chain.opened:  # what was settled first may have another owner again
                self.prepare(slot, names, database, ready, failed)
            else:
                ready()

        go_on(True)

    @property
    def generation(self) -> int:
        """See `Router.generation`."""
        return self.chain.opened << 1 | bool(self.chain.moving)

    def _replied(self, slot: int, command: Command) -> None:
        moving = self.chain.moving[slot]
        self._go_on(moving, moving.replied(command))

    def _go_on(self, moving: MovingSlot, actions: Actions) -> None:
        """Do what a slot wants done, and let it go when nothing is left to do."""
        self._do(actions)
        if moving.finished:
            self._forget((moving.slot,))

    def background(self, slot: int, key: Key, done: Callable[[bool], None], *, force: bool) -> None:
        """Have a key moved that was seen on an older server, then call `done` with whether it is settled."""
        moving = self.chain.moving.get(slot)
        if moving is None:
            done(True)
            return
        self.waits.setdefault(key, []).append(done)
        self._do(moving.background(key, force=force))

    # -- what came of it (mover.Results) -------------------------------------------------------------------------

    def asked(self, slot: int, key: Key, size: int | None) -> None:
        """The key is that large where it was asked for, 0 for any size if it is there, or not there (None)."""
        moving = self.chain.moving[slot]
        self._go_on(moving, moving.asked(key, size))
        self._ended()

    def moved(self, slot: int, key: Key, outcome: Outcome) -> None:
        """The move has ended."""
        moving = self.chain.moving[slot]
        self._go_on(moving, moving.moved(key, outcome))
        self._ended()

    def deleted(self, slot: int, key: Key) -> None:
        """The copy is gone."""
        moving = self.chain.moving[slot]
        self._go_on(moving, moving.deleted(key))
        self._ended()

    def away(self, slot: int, key: Key, server: str, *, doubt: bool = False) -> None:
        """Nothing was done, with `doubt` as far as is known: `server` is out of reach."""
        self._not_done(slot, key, server, doubt=doubt)
        self._ended()

    def _not_done(self, slot: int, key: Key, server: str, *, doubt: bool = False) -> None:
        moving = self.chain.moving[slot]
        self._go_on(moving, moving.away(key, server, doubt=doubt))

    # -- nothing moves -------------------------------------------------------------------------------------------

    def pause(self, then: Callable[[], None]) -> None:
        """Begin no action until `resume`, and call `then` when none is under way."""
        self._pauses += 1
        if self._under_way:
            self._when_still.append(then)
        else:
            then()

    def resume(self) -> None:
        """Go on, when nobody else has it paused."""
        self._pauses -= 1
        if not self._pauses:
            queued, self._queued = self._queued, []
            for action in queued:
                self._carry_out(action)

    def _ended(self) -> None:
        self._under_way -= 1
        if not self._under_way:
            waiting, self._when_still = self._when_still, []
            for then in waiting:
                then()

    # -- actions -------------------------------------------------------------------------------------------------

    def _do(self, actions: Actions) -> None:
        for action in actions:
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, Refuse):
                assert isinstance(action.command, Held)
                action.command.waiting.refused(action.command.raw, self._refusal(action))
            elif isinstance(action, Done):
                for done in self.waits.pop(action.key, ()):
                    done(action.settled)
            else:
                self._carry_out(action)

    def _carry_out(self, action: Ask | Move | Delete) -> None:
        if self._pauses:
            self._queued.append(action)
            return
        first, last = (action.source, action.target) if isinstance(action, Move) else (action.server, action.server)
        if first in self._there and last in self._there:
            self._under_way += 1
            self.mover.do(action)
        else:  # told in another turn: the slot is in the middle of its own decisions
            away = last if first in self._there else first
            self._services.loop.call_soon(self._not_done, action.slot, action.key, away)

    def _send(self, send: Send) -> None:
        command = send.command
        assert isinstance(command, Held)
        waiting = _Told(command.waiting, partial(self._replied, send.slot, command)) if send.tell else command.waiting
        if send.server in self._there:
            link = self._links.link(self._links.backend.by_name[send.server], command.protocol)
            link.send_in(command.database, command.raw, waiting)
        else:
            waiting.refused(command.raw, self._down(send.server))

    def _server(self, name: str) -> Server | None:
        return self._links.backend.by_name.get(name)

    def _refusal(self, refuse: Refuse) -> bytes:
        if refuse.denied:
            path = f"{self._links.backend.name}/{refuse.server}"
            return f"-SERVERDOWN {path} does not take a key that has to move there\r\n".encode()
        return self._down(refuse.server)

    def _down(self, name: str) -> bytes:
        server = self._server(name)
        status = "gone" if server is None else server.status if not server.running else "out of reach"
        path = f"{self._links.backend.name}/{name}"
        return f"-SERVERDOWN {path} is {status}: its keys are out of reach until it is back\r\n".encode()

    # -- what is told (state.epochs.Report) -------------------------------------------------------------------

    def progress(self) -> Progress:
        """Return how far it is."""
        now = self._services.clock()
        return Progress(
            epochs=tuple((epoch.number, now - epoch.in_force_at, epoch.slots) for epoch in self.chain.epochs.values()),
            slots_moving=len(self.chain.moving),
            slots_left=self.chain.slots_left,
            keys_moved=self.mover.moved - self._moved_before,
            keys_moved_ever=self.mover.moved,
            opened=self.chain.opened,
            servers=tuple(self._progress_of(name) for name in self.chain.givers),
        )

    def _progress_of(self, name: str) -> ServerProgress:
        scanner = self._scanners.get(name)
        return ServerProgress(
            name,
            slots_left=self.chain.owes(name),
            keys_seen=0 if scanner is None else scanner.seen,
            keys=0 if scanner is None else scanner.keys,
            passes=0 if scanner is None else scanner.passes,
            state="waiting" if scanner is None else scanner.state,
        )

    def commands(self) -> int:
        """Return how many commands clients have sent so far."""
        return sum(server.counters.sessions for server in self._links.backend.servers) - self.mover.sent

    def owes(self, name: str) -> int:
        """Return how many slots the server may have keys of without being their owner."""
        return self.chain.owes(name)


class _Told:
    """Passes replies on and tells of the last."""

    __slots__ = ("_tell", "_waiting")
    name: ClassVar[None] = None  # looked up in the commands' bytes
    names: ClassVar[None] = None

    def __init__(self, waiting: Waiting, tell: Callable[[], None]) -> None:
        self._waiting = waiting
        self._tell = tell

    @property
    def wanted(self) -> int:
        """How many replies are still to come."""
        return self._waiting.wanted

    @property
    def timed(self) -> bool:
        """Whether its command is timed already (`slot.Waiting`)."""
        return self._waiting.timed

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the replies (`slot.Waiting`)."""
        return self._waiting.clients()

    def take(self, replies: Sequence[bytes], at: int) -> int:
        """Pass on what is wanted of `replies`."""
        last = self._waiting.wanted <= len(replies) - at
        end = self._waiting.take(replies, at)
        if last:
            self._tell()
        return end

    def answer(self, reply: bytes) -> None:
        """Pass the reply on, for all that are wanted."""
        self._waiting.answer(reply)
        self._tell()

    def refused(self, raw: bytes, error: bytes) -> None:
        """Pass the refusal on."""
        self._waiting.refused(raw, error)
        self._tell()
