"""Does what `policy.redis.moving` wants done between servers: asks for keys, moves them, deletes copies.

What is wanted in one turn of the loop goes to a server in one write, over a link of its own, so that clients' commands
and their order have nothing to do with it. Keys go through the proxy, by DUMP, RESTORE and UNLINK (`carry`), and not by
`MIGRATE`: a server serves nobody while it migrates, for as long as the target does not answer; and what a `MIGRATE`
that was given up has sent may arrive at the target at any time later, when nobody can take it back.

What a link of ours has sent before it broke cannot arrive late: the next connection begins by having the server close
the one before (`login.Identity`), and nothing is sent before that is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Protocol

from wproxy.dataplane.redis.batch import Batch, Fate, Told
from wproxy.dataplane.redis.carry import Carry
from wproxy.dataplane.redis.lane import Lane
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.login import Identity
from wproxy.dataplane.redis.turn import Turn
from wproxy.policy.redis.actions import Ask, Delete, Key, Move, Outcome
from wproxy.protocols.resp import pack
from wproxy.state.server import Server


class Results(Protocol):
    """Who is told what came of it: `rebalance.Rebalance`."""

    def asked(self, slot: int, key: Key, size: int | None) -> None:
        """The key is that large there, or not there (None); 0: it may be there."""

    def moved(self, slot: int, key: Key, outcome: Outcome) -> None:
        """The move has ended."""

    def deleted(self, slot: int, key: Key) -> None:
        """The copy is gone."""

    def away(self, slot: int, key: Key, server: str, *, doubt: bool = False) -> None:
        """Nothing was done, with `doubt` as far as is known: `server` is out of reach."""


class Connect(Protocol):
    """`Router.connect`."""

    def __call__(self, server: Server, *, identity: Identity) -> Link:
        """Return a link that nobody else uses, opened."""


class Mover:
    """Works for one backend; `servers` finds its servers by name, `connect` makes a link to one."""

    def __init__(self, servers: Callable[[str], Server | None], connect: Connect, turn: Turn, results: Results) -> None:
        self.moved = 0  # keys, ever
        self.sent = 0  # commands, ever
        self._spent_s = 0.0  # of the proxy's time, on all that was ever done
        self._done = 0  # how many actions that were
        self._servers = servers
        self._connect = connect
        self._turn = turn
        self._results = results
        self._links: dict[str, Link] = {}
        self._identities: dict[str, tuple[Server, Identity]] = {}  # of the links, also of those that are closed
        self._due = False  # a flush
        self._closed = False
        self._deletions: list[Delete] = []
        self._asks: dict[str, Lane[Ask]] = {}  # by server
        self._carries: dict[tuple[str, str], Lane[Move]] = {}  # by source and target

    def do(self, action: Ask | Move | Delete) -> None:
        """Have `action` done from the end of this turn on."""
        self._wake()
        if isinstance(action, Ask):
            lane = self._asks.get(action.server)
            if lane is None:
                lane = self._asks[action.server] = Lane(self._ask)
            lane.add(action)
        elif isinstance(action, Move):
            pair = action.source, action.target
            carries = self._carries.get(pair)
            if carries is None:
                carries = self._carries[pair] = Lane(self._move)
            carries.add(action)
        else:
            self._deletions.append(action)

    @property
    def action_s(self) -> float:
        """What an action costs of the proxy's time, in seconds, on average."""
        return self._spent_s / self._done if self._done else 0.0

    def _wake(self) -> None:
        """Have a flush at the end of this turn."""
        if not self._due:
            self._due = True
            self._turn.add(self)

    def make_sure(self) -> bool:
        """Tell whether nothing that was sent over connections that broke may still be executed; if so, see to it."""
        in_doubt = [name for name in self._identities if self._is_in_doubt(name)]
        for name in in_doubt:
            self._link(name)
        return not in_doubt

    def _is_in_doubt(self, name: str) -> bool:
        server, identity = self._identities.get(name, (None, None))
        return identity is not None and identity.in_doubt and server is self._servers(name)

    def rest(self) -> None:
        """Close the links: there is nothing to move any more."""
        links, self._links = self._links, {}
        for link in links.values():
            link.close()
        self._asks = {server: lane for server, lane in self._asks.items() if not lane.idle}
        self._carries = {pair: lane for pair, lane in self._carries.items() if not lane.idle}

    def close(self) -> None:
        """Close the links for good, whatever is under way."""
        self._closed = True  # who is told that its command was lost gets no other link
        self.rest()

    def leave(self, server: str) -> None:
        """Give up the address that `server` had."""
        link = self._links.pop(server, None)
        self._identities.pop(server, None)
        if link is not None:
            link.close()

    def send(self, server: str, raw: bytes, names: Sequence[str], told: Told, database: int = 0) -> None:
        """Send `raw`, commands that are called `names`, to `server` in one piece."""
        batch, link = Batch(raw, names, told, database), self._link(server)
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
            known, identity = self._identities.get(name, (None, Identity()))
            if known is not server:
                identity = Identity()
            self._identities[name] = server, identity
            link = self._links[name] = self._connect(server, identity=identity)
        return link

    def flush(self) -> None:
        """Send what is due (`turn.Flushed`)."""
        began_at = monotonic()
        self._due = False
        deletions, self._deletions = self._deletions, []
        for action in deletions:
            self._delete(action)
        for asks in [*self._asks.values()]:
            asks.go()
        for carries in [*self._carries.values()]:
            carries.go()
        for link in self._links.values():
            link.flush()  # not one turn later: clients wait
        self._spent_s += monotonic() - began_at

    def _ask(self, asks: list[Ask]) -> None:
        names = [ask.key[1] for ask in asks]
        # Written out, as all that is done for each key: packing takes three times as long.
        raw = b"".join([b"*3\r\n$6\r\nMEMORY\r\n$5\r\nUSAGE\r\n$%d\r\n%b\r\n" % (len(name), name) for name in names])
        self.send(asks[0].server, raw, ["memory"] * len(asks), partial(self._asked, asks), asks[0].key[0])

    def _asked(self, asks: list[Ask], fate: Fate, replies: Sequence[bytes]) -> None:
        began_at = monotonic()
        self._asks[asks[0].server].ended()
        self._wake()
        self._tell(asks, fate, replies)
        self._done += len(asks)
        self._spent_s += monotonic() - began_at

    def _tell(self, asks: list[Ask], fate: Fate, replies: Sequence[bytes]) -> None:
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
                self._results.away(action.slot, action.key, action.server, doubt=fate is Fate.LOST)

        self.send(action.server, pack([b"UNLINK", name]), ["unlink"], told, database)

    def _move(self, moves: list[Move]) -> None:
        pair = moves[0].source, moves[0].target
        self._done += len(moves)
        carry = Carry(moves, self._carry, self._moved, self._away, partial(self._carried, pair))
        if not self._is_in_doubt(pair[1]):  # the source is asked first, so there it needs no question of its own
            carry.start()
            return

        def there(fate: Fate, replies: Sequence[bytes]) -> None:
            if fate is Fate.ANSWERED:
                carry.start()
            else:
                carry.give_up(pair[1])

        self.send(pair[1], pack([b"PING"]), ["ping"], there)

    def _carry(self, server: str, raw: bytes, names: Sequence[str], told: Told, database: int = 0) -> None:
        """Send for a carry, and count the time that its replies take (`carry.Sending`)."""

        def timed(fate: Fate, replies: Sequence[bytes]) -> None:
            began_at = monotonic()
            told(fate, replies)
            self._spent_s += monotonic() - began_at

        self.send(server, raw, names, timed, database)

    def _carried(self, pair: tuple[str, str]) -> None:
        self._carries[pair].ended()
        self._wake()

    def _moved(self, move: Move, outcome: Outcome) -> None:
        self.moved += outcome is Outcome.MOVED
        self._results.moved(move.slot, move.key, outcome)

    def _away(self, move: Move, server: str) -> None:
        self._results.away(move.slot, move.key, server)
