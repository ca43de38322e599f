"""The background of one server that has keys to give: looks through it, pass after pass, until it owes nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, Protocol

import hiredis

from wproxy.dataplane.redis.batch import Fate
from wproxy.dataplane.redis.mover import Mover
from wproxy.dataplane.services import Services
from wproxy.policy.redis.actions import Key
from wproxy.policy.redis.epochs import Chain
from wproxy.policy.redis.scan import PAGE_KEYS, Pace, Pass, idle
from wproxy.protocols.resp import pack

_AGAIN_S = 0.5  # after a server was out of reach, or a key could not be settled
_LOOK_S = 0.05
_ACTIONS = 2  # for most keys: a question and a move
_PATIENCE_S = 10.0  # for a moment without clients, before a large value moves all the same
_KEYSPACE = re.compile(rb"db(\d+):keys=(\d+)")


class Owner(Protocol):
    """`rebalance.Rebalance`."""

    chain: Chain
    mover: Mover

    def background(self, slot: int, key: Key, done: Callable[[bool], None], *, force: bool) -> None:
        """Have a key moved."""

    def settled(self, slots: Sequence[int]) -> None:
        """Take note of slots that are settled."""

    def scanned(self, scanner: Scanner) -> None:
        """Take note that nothing is left."""

    def commands(self) -> int:
        """Return how many commands clients have sent so far."""


class Scanner:
    """Owns the task that scans `server`."""

    def __init__(self, server: str, owner: Owner, services: Services) -> None:
        self.server = server
        self.seen = 0  # keys, in the pass that runs
        self.keys = 0  # there when it began
        self.passes = 0
        self.state = "waiting"
        self._owner = owner
        self._services = services
        self._pace = Pace()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = self._services.keep(self._services.loop.create_task(self._run()))

    def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while self._owner.chain.owes(self.server):
            if not self._owner.chain.debts(self.server) or not await self._pass():
                await asyncio.sleep(_AGAIN_S)
        self._owner.scanned(self)

    async def _pass(self) -> bool:
        """Look at everything once; tell whether that went well."""
        answer = await self._ask(0, b"INFO", b"keyspace")
        if answer is None:
            self.state = "away"
            return False
        found = {int(database): int(keys) for database, keys in _KEYSPACE.findall(answer)}
        debts = self._owner.chain.look(self.server)
        running = Pass(self.server, debts, sorted(found))
        self.state, self.seen, self.keys = "scanning", 0, sum(found.values())
        while not running.complete:
            if not await self._page(running):
                return False
        self.state = "large values"
        for key, slot in list(running.left.items()):
            await self._quiet()
            if not await self._move(running, {key: slot}, force=True):
                return False
        self.passes += 1
        # What may still arrive somewhere might have to be given away by a server that is looked through already.
        clean = running.clean and self._owner.mover.make_sure()
        if clean:
            self._owner.settled(self._owner.chain.cleared(self.server, debts))
        return clean

    async def _page(self, running: Pass) -> bool:
        """Take one page, have its keys moved, rest."""
        owner = self._owner
        began_at, commands = monotonic(), owner.commands()
        page = await self._ask(running.database, b"SCAN", running.cursor, b"COUNT", b"%d" % PAGE_KEYS)
        if page is None:
            self.state = "away"
            return False
        cursor, names = page
        self.seen += len(names)
        looked_at = monotonic()
        found = running.page(cursor, names)
        looking_s = monotonic() - looked_at
        await self._move(running, found, force=False)
        work_s = looking_s + len(found) * _ACTIONS * owner.mover.action_s
        now = monotonic()
        rest = self._pace.rest_s(now, work_s, now - began_at, owner.commands() - commands)
        if rest:
            await asyncio.sleep(rest)
        return True

    async def _move(self, running: Pass, found: dict[Key, int], *, force: bool) -> bool:
        """Have the keys in `found` moved; tell whether all of them are settled."""
        if not found:
            return True
        together: asyncio.Future[None] = self._services.loop.create_future()
        left = len(found)

        def done(key: Key, settled: bool) -> None:
            nonlocal left
            left -= 1
            if settled:
                running.left.pop(key, None)
            else:
                running.unsettled(key)
            if not left and not together.done():
                together.set_result(None)

        for key, slot in found.items():
            self._owner.background(slot, key, partial(done, key), force=force)
        await together
        return not force or not any(key in running.left for key in found)

    async def _quiet(self) -> None:
        """Wait for a moment in which clients want little, but not for ever."""
        clock, commands = self._services.clock, self._owner.commands
        until = clock() + _PATIENCE_S
        while clock() < until:
            before = commands()
            await asyncio.sleep(_LOOK_S)
            if idle(commands() - before):
                return

    async def _ask(self, database: int, *command: bytes) -> Any:  # noqa: ANN401 # the reply's shape is the command's
        """Return the decoded reply of the server, None when there is none or it is an error."""
        future: asyncio.Future[bytes | None] = self._services.loop.create_future()

        def told(fate: Fate, replies: Sequence[bytes]) -> None:
            if not future.done():
                future.set_result(replies[0] if fate is Fate.ANSWERED else None)

        self._owner.mover.send(self.server, pack([*command]), [command[0].decode().lower()], told, database)
        raw = await future
        if raw is None or raw.startswith(b"-"):
            return None
        reader = hiredis.Reader()
        reader.feed(raw)
        return reader.gets()
