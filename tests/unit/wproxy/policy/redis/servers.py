"""Simulated Redis servers under a chain of epochs, beside one plain Redis: what is under way happens when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.actions import Actions, Ask, Delete, Done, Key, Move, Outcome, Refuse, Send
from wproxy.policy.redis.epochs import Chain, Fence
from wproxy.policy.redis.scan import Pass

LIMIT_BYTES = 4
Data = dict[Key, tuple[str, int | None]]


def run(data: Data, now: int, words: Sequence[str], keys: Sequence[Key]) -> object:
    """Execute one command as Redis does; an expired key is not there."""
    for key in keys:
        if key in data and (at := data[key][1]) is not None and at <= now:
            del data[key]
    name, rest, key = words[0], words[1:], keys[0]
    value, expires_at = data.get(key, (None, None))
    match name:
        case "SET":
            data[key] = (rest[0], None)
        case "SETEX":
            data[key] = (rest[0], now + int(rest[1]))
        case "APPEND":
            data[key] = ((value or "") + rest[0], expires_at)
        case "PERSIST" if value is not None:
            data[key] = (value, None)
        case "DEL":
            return [data.pop(each, None) is not None for each in keys]
        case "MSET":
            data.update(dict.fromkeys(keys, (rest[0], None)))
        case "RENAME" if value is not None:
            data[keys[-1]] = data.pop(key)
    return [data.get(each) for each in keys]


@dataclass(eq=False)
class Request:
    """One client's command; `answer` comes last."""

    number: int
    words: tuple[str, ...]
    keys: tuple[Key, ...]
    answer: object = None
    refused: bool = False

    @property
    def done(self) -> bool:
        return self.refused or self.answer is not None


@dataclass
class Server:
    """What one server has; `link` is under way to it in order, `replies` is under way back."""

    data: Data = field(default_factory=dict)
    link: deque[Send | Fence] = field(default_factory=deque)
    replies: deque[Send | Fence] = field(default_factory=deque)
    up: bool = True
    full: bool = False


@dataclass(frozen=True)
class Late:
    """What was sent to a server over a connection that broke, and may still be executed there."""

    server: str
    key: Key
    restored: tuple[str, int | None] | None  # None: the key is deleted
    replace: bool = False


Step = Ask | Move | Delete


class World:
    """The proxy's chain, its servers, and the plain Redis whose answers every command must get."""

    def __init__(self, names: Iterable[str], tags: Iterable[str]) -> None:
        self.servers = {name: Server() for name in names}
        self.tags = list(tags)
        self.chain = Chain(LIMIT_BYTES)
        self.owners = {slot_of(tag.encode()): next(iter(self.servers)) for tag in self.tags}
        self.reference: Data = {}
        self.now = 0
        self.steps: list[Step] = []
        self.late: list[Late] = []
        self.outdated = False  # whether servers may have had old copies of keys that are on others
        self.passes: dict[str, Pass] = {}
        self.awaited: dict[str, set[Key]] = {}  # what a pass has found and is not settled
        self._numbers = count()
        self._last: dict[Key, int] = {}  # the last command executed on each key

    # -- what clients and administrators do ----------------------------------------------------------------------

    def ask(self, *words: str, keys: Sequence[str], database: int = 0) -> Request:
        request = Request(next(self._numbers), words, tuple(dict.fromkeys((database, key.encode()) for key in keys)))
        slot = slot_of(request.keys[0][1])
        moving = self.chain.moving.get(slot)
        home = None if moving is None or database or len(keys) > 1 else self.chain.homes.owners.get(keys[0].encode())
        if moving is None or home is not None:
            self._do([Send(slot, home or self.owners[slot], request)])
        else:
            self._do(moving.command(request))
        self._sweep()
        return request

    def change(self, owners: dict[str, str]) -> None:
        """Give the slot of each tag to a server."""
        new = {slot_of(tag.encode()): name for tag, name in owners.items()}
        changed = {slot: (self.owners[slot], name) for slot, name in new.items() if self.owners[slot] != name}
        self.owners |= new
        for fence in self.chain.change(changed, self.now):
            server = self.servers[fence.server]
            if server.up:
                server.link.append(fence)
            else:
                self._do(self.chain.fenced(fence, self.now))
        self._sweep()

    def owner(self, tag: str) -> Server:
        return self.servers[self.owners[slot_of(tag.encode())]]

    # -- what happens on the way ---------------------------------------------------------------------------------

    def _do(self, actions: Actions) -> None:
        for action in actions:
            if isinstance(action, Send):
                assert isinstance(action.command, Request)
                if self.servers[action.server].up:
                    self.servers[action.server].link.append(action)
                else:
                    self._refused(action)
            elif isinstance(action, Refuse):
                assert isinstance(action.command, Request)
                action.command.refused = True
            elif isinstance(action, Done):
                self._done(action)
            else:
                self.steps.append(action)

    def _refused(self, send: Send) -> None:
        assert isinstance(send.command, Request)
        send.command.refused = True
        if send.tell:
            self._do(self.chain.moving[send.slot].replied(send.command))

    def _done(self, done: Done) -> None:
        for name, keys in self.awaited.items():
            if done.key in keys:
                keys.discard(done.key)
                if done.settled:
                    self.passes[name].left.pop(done.key, None)
                else:
                    self.passes[name].unsettled(done.key)

    def _sweep(self) -> None:
        self.chain.forget_finished(list(self.chain.moving))
        for name, owner in self.chain.homes.owners.items():
            slot = self.chain.moving[slot_of(name)]
            assert (slot.owner, slot.holding, slot.at_home((0, name))) == (owner, False, True)

    def execute(self, name: str) -> None:
        """Let a server do the next thing on its link."""
        server = self.servers[name]
        if not server.link:
            return
        item = server.link.popleft()
        if isinstance(item, Send):
            self._execute(server, item)
        server.replies.append(item)

    def _execute(self, server: Server, send: Send) -> None:
        request = send.command
        assert isinstance(request, Request)
        for key in request.keys:
            assert self._last.get(key, -1) < request.number, "a command has passed another on the same key"
            self._last[key] = request.number
            for other in self.servers.values():
                alone = other is server or key not in other.data or self._expired(other, key)
                assert alone or self.outdated, "two copies while written"
        expected = run(self.reference, self.now, request.words, request.keys)
        request.answer = run(server.data, self.now, request.words, request.keys)
        assert request.answer == expected, (request, expected)

    def _expired(self, server: Server, key: Key) -> bool:
        at = server.data[key][1]
        return at is not None and at <= self.now

    def reply(self, name: str) -> None:
        """Let the next reply of a server arrive."""
        replies = self.servers[name].replies
        if not replies:
            return
        item = replies.popleft()
        if isinstance(item, Fence):
            self._do(self.chain.fenced(item, self.now))
        elif item.tell:
            self._do(self.chain.moving[item.slot].replied(item.command))
        self._sweep()

    def step(self, index: int, broken: str = "") -> None:
        """Let one of the proxy's own steps happen; `broken` says how a move or a deletion fails half-way."""
        if not self.steps:
            return
        step = self.steps.pop(index % len(self.steps))
        moving = self.chain.moving[step.slot]
        self._outlast(*((step.source, step.target) if isinstance(step, Move) else (step.server,)))
        source = self.servers[step.source if isinstance(step, Move) else step.server]
        present = step.key in source.data and not self._expired(source, step.key)
        if isinstance(step, Move):
            self._do(self._move(step, present, broken))
        elif not source.up:
            self._do(moving.away(step.key, step.server))
        elif isinstance(step, Ask):
            size = len(source.data[step.key][0]) if present else None
            self._do(moving.asked(step.key, size))
        elif broken == "late":
            self.late.append(Late(step.server, step.key, None))
            self._do(moving.away(step.key, step.server, doubt=True))
        else:
            source.data.pop(step.key, None)
            self._do(moving.deleted(step.key))
        self._sweep()

    def _move(self, move: Move, present: bool, broken: str) -> Actions:
        moving, key = self.chain.moving[move.slot], move.key
        source, target = self.servers[move.source], self.servers[move.target]
        if not source.up:
            return moving.away(key, move.source)
        if not present:
            return moving.moved(key, Outcome.ABSENT)
        if not target.up or broken == "before":
            return moving.moved(key, Outcome.DOUBT)
        if key in target.data and not self._expired(target, key) and not move.replace:
            return moving.moved(key, Outcome.BUSY)
        if target.full:
            return moving.moved(key, Outcome.DENIED)
        if broken == "late":
            self.late.append(Late(move.target, key, source.data[key], move.replace))
            return moving.moved(key, Outcome.DOUBT)
        target.data[key] = source.data[key]
        if broken == "between":
            return moving.moved(key, Outcome.DOUBT)
        if broken == "late removal":
            self.late.append(Late(move.source, key, None))
            return moving.moved(key, Outcome.DOUBT)
        del source.data[key]
        return moving.moved(key, Outcome.DOUBT if broken == "after" else Outcome.MOVED)

    def arrive(self, index: int) -> None:
        """Let something be executed that comes late."""
        late = self.late.pop(index)
        server = self.servers[late.server]
        if late.restored is None:
            server.data.pop(late.key, None)
        elif late.replace or late.key not in server.data or self._expired(server, late.key):
            server.data[late.key] = late.restored

    def _outlast(self, *names: str) -> None:
        """Begin with those servers: what has not arrived until now never will."""
        self.late = [late for late in self.late if late.server not in names]

    def restore_backup(self, name: str, key: Key) -> None:
        """Let a server have an old copy of a key that it has not, and another one has; not in the middle of a move."""
        moving = self.chain.moving.get(slot_of(key[1]))
        in_doubt = moving is not None and key in moving._doubts
        if key in self.reference and key not in self.servers[name].data and not in_doubt:
            self.servers[name].data[key] = ("old", None)
            self.outdated = True

    def happen(self, number: int, broken: str) -> None:
        """Let one of the things that can happen next happen."""
        links = [partial(self.execute, name) for name, server in self.servers.items() if server.link]
        replies = [partial(self.reply, name) for name, server in self.servers.items() if server.replies]
        steps = [partial(self.step, index, broken) for index in range(len(self.steps))]
        late = [partial(self.arrive, index) for index in range(len(self.late))]
        if possible := [*links, *replies, *steps, *late]:
            possible[number % len(possible)]()

    def crash(self, name: str, executed: int) -> None:
        """Let a server die, keeping its data; `executed` commands of those under way have still been executed."""
        server = self.servers[name]
        for _ in range(min(executed, len(server.link))):
            self.execute(name)
        server.up = False
        self._outlast(name)
        lost = [*server.replies, *server.link]
        server.replies.clear()
        server.link.clear()
        for item in lost:
            if isinstance(item, Fence):
                self._do(self.chain.fenced(item, self.now))
            else:
                assert isinstance(item.command, Request)
                item.command.refused = item.command.answer is None
                if item.tell:
                    self._do(self.chain.moving[item.slot].replied(item.command))
        self.passes.pop(name, None)
        self.awaited.pop(name, None)
        self._sweep()

    # -- the background ------------------------------------------------------------------------------------------

    def scan(self, name: str) -> None:
        """Let the background take the next page of a server, or note the end of a pass."""
        if not self.servers[name].up:
            return
        running = self.passes.get(name)
        if running is None:
            if debts := self.chain.look(name):
                self.passes[name] = Pass(name, debts, [0, 1])
                self.awaited[name] = set()
            return
        if self.awaited[name]:
            return
        if running.complete:
            if running.left and not running.stuck:
                running.stuck = True
                self._background(name, dict(running.left), force=True)
                return
            running.stuck = False
            del self.passes[name]
            self._outlast(*(name for name, server in self.servers.items() if server.up))
            if running.clean and not self.late:
                self.chain.cleared(name, running.debts)
            return
        self._outlast(name)
        keys = sorted(key for at, key in self.servers[name].data if at == running.database)
        place = int(running.cursor)
        cursor = b"%d" % (place + 2 if place + 2 < len(keys) else 0)
        # Where keys vanish between pages an index would skip some; like SCAN's, this cursor must not: it gives all.
        names = keys if cursor == b"0" else keys[: place + 2]
        self._background(name, running.page(cursor, names))

    def _background(self, name: str, found: dict[Key, int], *, force: bool = False) -> None:
        self.awaited[name] = set(found)
        for key, slot in found.items():
            if slot in self.chain.moving:
                self._do(self.chain.moving[slot].background(key, force=force))
            else:
                self.awaited[name].discard(key)
        self._sweep()

    def settle(self) -> None:
        """Let everything come to its end, with all servers there."""
        for server in self.servers.values():
            server.up, server.full = True, False
        for _ in range(10_000):
            if not self.chain.moving and not any(server.link or server.replies for server in self.servers.values()):
                return
            for name in self.servers:
                while self.servers[name].link or self.servers[name].replies:
                    self.execute(name)
                    self.reply(name)
                self.scan(name)
            while self.steps:
                self.step(0)
        raise AssertionError(f"it does not come to an end: {self.chain.moving} {self.steps} {self.servers}")

    def check_at_rest(self) -> None:
        """Every key is on its owner and nowhere else, with its life."""
        assert not self.chain.epochs
        assert not self.chain.givers
        assert not self.late
        found: Data = {}
        for name, server in self.servers.items():
            for key, value in server.data.items():
                if self._expired(server, key):
                    continue
                at_home = self.owners[slot_of(key[1])] == name
                assert at_home or self.outdated, "a copy was left behind"
                if at_home:
                    found[key] = value
        assert found == {key: value for key, value in self.reference.items() if value[1] is None or value[1] > self.now}


def drive(world: World, until: Callable[[], bool], names: Sequence[str] = ()) -> None:
    """Let all go on, but for the servers in `names`, until the condition holds."""
    for _ in range(1000):
        if until():
            return
        for name in world.servers:
            if name not in names:
                world.execute(name)
                world.reply(name)
        world.step(0)
    raise AssertionError("the condition does not come true")
