"""Does what `policy.redis.moving` wants done between servers: asks for keys, moves them, deletes copies.

What is wanted in one turn of the loop goes to a server in one write, over a link of its own, so that clients' commands
and their order have nothing to do with it. A key is moved in one of two ways:

* `MIGRATE` by the source itself, many keys at a time, where a probe has shown that what the source reaches under the
  target's address is the target. A server serves nobody while it migrates, so two that do it to each other would wait
  until the time is over: a server is never source and target at once;
* otherwise DUMP, RESTORE and UNLINK through the proxy, with the absolute time of expiry. Also the second attempt after
  a `MIGRATE` that broke half-way, because it never holds up the source.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from wproxy.config.model import Address
from wproxy.dataplane.redis.batch import Batch, Fate, Told
from wproxy.dataplane.redis.carry import Carry
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.turn import Turn
from wproxy.policy.redis.access import login_of_migrate
from wproxy.policy.redis.moving import Ask, Delete, Key, Move, Outcome
from wproxy.state.server import Server

_KEYS_AT_ONCE = 64
_KEYS_PER_MIGRATE = 16  # the source serves nobody else meanwhile
_MIGRATE_MS = b"1000"
_PROBE_MS = b"5000"
_LOOPBACK = ("127.", "::1", "localhost")


class Results(Protocol):
    """Who is told what came of it: `rebalance.Rebalance`."""

    def asked(self, slot: int, key: Key, size: int | None) -> None:
        """The key is that large there, or not there (None); 0: it may be there."""

    def moved(self, slot: int, key: Key, outcome: Outcome) -> None:
        """The move has ended."""

    def deleted(self, slot: int, key: Key) -> None:
        """The copy is gone."""

    def away(self, slot: int, key: Key, server: str) -> None:
        """Nothing was done: `server` is out of reach."""


class Mover:
    """Works for one backend; `servers` finds its servers by name, `connect` makes a link to one."""

    def __init__(
        self,
        servers: Callable[[str], Server | None],
        connect: Callable[[Server], Link],
        turn: Turn,
        results: Results,
    ) -> None:
        self.moved = 0  # keys, ever
        self.sent = 0  # commands, ever
        self._servers = servers
        self._connect = connect
        self._turn = turn
        self._results = results
        self._links: dict[str, Link] = {}
        self._due: list[Ask | Move | Delete] = []
        self._direct: dict[tuple[str, str], bool] = {}  # whether source and target reach each other
        self._probing: dict[tuple[str, str], list[Move]] = {}
        self._closed = False
        self._sources: Counter[str] = Counter()  # of the `MIGRATE`s that are under way
        self._targets: Counter[str] = Counter()

    def do(self, action: Ask | Move | Delete) -> None:
        """Have `action` done at the end of this turn."""
        if not self._due:
            self._turn.add(self)
        self._due.append(action)

    def rest(self) -> None:
        """Close the links: there is nothing to move any more."""
        links, self._links = self._links, {}
        self._direct.clear()
        for link in links.values():
            link.close()

    def close(self) -> None:
        """Close the links for good, whatever is under way."""
        self._closed = True  # who is told that its command was lost gets no other link
        self.rest()

    def leave(self, server: str) -> None:
        """Give up the address that `server` had."""
        link = self._links.pop(server, None)
        if link is not None:
            link.close()
        self._direct.clear()

    def send(self, server: str, commands: Sequence[Sequence[bytes]], told: Told, database: int = 0) -> None:
        """Send `commands` to `server` in one piece."""
        batch, link = Batch(commands, told, database), self._link(server)
        if link is None:
            batch.refused(b"", b"")
        else:
            self.sent += batch.wanted
            link.send(batch.raw, batch)

    def _link(self, name: str) -> Link | None:
        """Return the link to a server that is there."""
        server = self._servers(name)
        if server is None or self._closed:
            return None
        link = self._links.get(name)
        if link is None or link.server is not server:
            link = self._links[name] = self._connect(server)
        return link

    def flush(self) -> None:
        """Send what is due (`turn.Flushed`)."""
        due, self._due = self._due, []
        asks: defaultdict[tuple[str, int], list[Ask]] = defaultdict(list)
        moves: defaultdict[tuple[str, str, int], list[Move]] = defaultdict(list)
        for action in due:
            if isinstance(action, Ask):
                asks[action.server, action.key[0]].append(action)
            elif isinstance(action, Delete):
                self._delete(action)
            elif action.replace:
                self._carry(action)
            else:
                moves[action.source, action.target, action.key[0]].append(action)
        for (server, database), wanted in asks.items():
            for at in range(0, len(wanted), _KEYS_AT_ONCE):
                self._ask(server, database, wanted[at : at + _KEYS_AT_ONCE])
        for (source, target, _), group in moves.items():
            self._move((source, target), group)
        for link in self._links.values():
            link.flush()  # not one turn later: clients wait

    # -- questions and deletions ---------------------------------------------------------------------------------

    def _ask(self, server: str, database: int, asks: list[Ask]) -> None:
        commands = [(b"MEMORY", b"USAGE", ask.key[1]) for ask in asks]
        self.send(server, commands, partial(self._asked, asks), database)

    def _asked(self, asks: list[Ask], fate: Fate, replies: Sequence[bytes]) -> None:
        if fate is not Fate.ANSWERED:
            for ask in asks:
                self._results.away(ask.slot, ask.key, ask.server)
            return
        for ask, reply in zip(asks, replies, strict=True):
            # A server that does not tell sizes is asked by moving.
            size = None if reply.startswith((b"$-1", b"_")) else int(reply[1:]) if reply.startswith(b":") else 0
            self._results.asked(ask.slot, ask.key, size)

    def _delete(self, action: Delete) -> None:
        database, name = action.key

        def told(fate: Fate, replies: Sequence[bytes]) -> None:
            if fate is Fate.ANSWERED and replies[0].startswith(b":"):
                self._results.deleted(action.slot, action.key)
            else:
                self._results.away(action.slot, action.key, action.server)

        self.send(action.server, [(b"UNLINK", name)], told, database)

    # -- moves ---------------------------------------------------------------------------------------------------

    def _move(self, pair: tuple[str, str], moves: list[Move]) -> None:
        direct = self._direct.get(pair)
        if direct is None:
            if pair in self._probing:
                self._probing[pair] += moves
            else:
                self._probing[pair] = moves
                self._probe(pair)
        elif direct:
            for at in range(0, len(moves), _KEYS_PER_MIGRATE):
                self._migrate(pair, moves[at : at + _KEYS_PER_MIGRATE])
        else:
            for move in moves:
                self._carry(move)

    def _migrate(self, pair: tuple[str, str], moves: list[Move]) -> None:
        source, target = pair
        if self._targets[source] or self._sources[target]:
            for move in moves:
                self._carry(move)
            return
        self._sources[source] += 1
        self._targets[target] += 1
        names = [move.key[1] for move in moves]
        command = self._migration(target, b"", b"%d" % moves[0].key[0], b"KEYS", *names)
        self.send(source, [command], partial(self._migrated, pair, moves), moves[0].key[0])

    def _migration(self, target: str, *rest: bytes) -> list[bytes]:
        """Return MIGRATE to `target`: of a key, to a database, and what follows the timeout."""
        address, server = self._address(target), self._servers(target)
        key, database, *options = rest
        login = [] if server is None else login_of_migrate(server.line.login)
        return [b"MIGRATE", address.host.encode(), b"%d" % address.port, key, database, _MIGRATE_MS, *login, *options]

    def _address(self, server: str) -> Address:
        found = self._servers(server)
        return Address() if found is None else found.address

    def _migrated(self, pair: tuple[str, str], moves: list[Move], fate: Fate, replies: Sequence[bytes]) -> None:
        self._sources[pair[0]] -= 1
        self._targets[pair[1]] -= 1
        reply = replies[0] if replies else b""
        if fate is Fate.REFUSED:
            for move in moves:
                self._results.away(move.slot, move.key, move.source)
        elif fate is Fate.LOST or reply.startswith(b"-IOERR"):
            self._direct[pair] = self._direct.get(pair, False) and fate is Fate.LOST
            self._all(moves, Outcome.DOUBT)
        elif reply.startswith(b"+NOKEY"):
            self._all(moves, Outcome.ABSENT)
        elif reply.startswith(b"+"):
            self._all(moves, Outcome.MOVED)
        else:  # the target has said no to some of them: ask it for each, in a way that tells why
            for move in moves:
                self._carry(move)

    def _all(self, moves: list[Move], outcome: Outcome) -> None:
        for move in moves:
            self._moved(move, outcome)

    def _moved(self, move: Move, outcome: Outcome) -> None:
        self.moved += outcome is Outcome.MOVED
        self._results.moved(move.slot, move.key, outcome)

    def _carry(self, move: Move) -> None:
        Carry(move, self.send, self._moved, self._results.away).start()

    # -- who reaches whom ----------------------------------------------------------------------------------------

    def _probe(self, pair: tuple[str, str]) -> None:
        """Have a key of our own moved, and see whether it arrives: an address may mean another server over there."""
        source, target = pair
        here, there = self._address(source), self._address(target)
        local = there.path or there.fd is not None or not there.host
        if local or (there.host.startswith(_LOOPBACK) and not here.host.startswith(_LOOPBACK)):
            self._probed(pair, direct=False)
            return
        if self._targets[source] or self._sources[target]:  # the next move will ask
            for move in self._probing.pop(pair):
                self._carry(move)
            return
        self._sources[source] += 1
        self._targets[target] += 1
        name = b"wproxy:probe:" + secrets.token_hex(16).encode()
        removal = (b"UNLINK", name)
        commands = [(b"SET", name, b"1", b"PX", _PROBE_MS), self._migration(target, name, b"0"), removal]

        def sent(fate: Fate, replies: Sequence[bytes]) -> None:
            self._sources[source] -= 1
            self._targets[target] -= 1
            if fate is Fate.ANSWERED and replies[1].startswith(b"+OK"):
                self.send(target, [removal], arrived)
            else:
                self.send(target, [removal], lambda fate, replies: None)  # it may have arrived all the same
                self._probed(pair, direct=False)

        def arrived(fate: Fate, replies: Sequence[bytes]) -> None:
            self._probed(pair, direct=fate is Fate.ANSWERED and replies[0] == b":1\r\n")

        self.send(source, commands, sent)

    def _probed(self, pair: tuple[str, str], *, direct: bool) -> None:
        self._direct[pair] = direct
        by_database: defaultdict[int, list[Move]] = defaultdict(list)
        for move in self._probing.pop(pair, []):
            by_database[move.key[0]].append(move)
        for moves in by_database.values():
            self._move(pair, moves)
