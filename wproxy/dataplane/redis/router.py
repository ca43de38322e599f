"""Sends commands of all clients of one backend where the rules say, over one link per server and protocol."""

from __future__ import annotations

from array import array
from binascii import crc_hqx
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import repeat
from typing import Protocol

from wproxy.dataplane.redis.dedicated import Pool
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.scatter import Scatter
from wproxy.dataplane.redis.several import SEVERAL, Errand, fan_out
from wproxy.dataplane.redis.slot import One, Owner, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import SlotTable, by_hash, slot_of
from wproxy.policy.redis.builtin import NEWER_ROWS, ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import CROSSING, CROSSSLOT, KEYLESS, Rule, Target, common_slot, keyed, rules
from wproxy.protocols.resp import Run, head
from wproxy.state.backend import Backend
from wproxy.state.server import Server

_NO_SERVER = b"-SERVERDOWN no server of this backend has a weight\r\n"
_NONE_AVAILABLE = b"-SERVERDOWN no server of this backend is available\r\n"


class Waiter(Protocol):
    """A command that waits for data at the owner of its slot."""

    def follow(self) -> None:
        """Wait at the slot's owner, if that is another one now."""


class Router:
    """Owns the links of `backend`."""

    def __init__(self, backend: Backend, services: Services) -> None:
        self.backend = backend
        self._services = services
        self._by_key = backend.balance == "key"
        self.rules = rules(parse_rows(ROWS + NEWER_ROWS), frozenset(OWN), by_key=self._by_key)
        self.pool = Pool(services, backend.config.timeouts)
        self.waiters: dict[Waiter, None] = {}  # commands that wait for data, on connections of their own
        self.databases = {0}  # those that every server has been seen to have
        self.heads = {  # of the commands that go to the owner of their first argument and ask for nothing else
            head(name, count) for name, counts in keyed(self.rules).items() for count in range(2, 6) if count in counts
        }
        self.turn = Turn(services.loop)
        self._links: dict[int, list[Link]] = {}
        self._slots = backend.slots
        self._owners = by_hash(backend.slots)
        backend.on_slots = self.follow_slots

    def open(self) -> None:
        """Connect to every server, so that the first client does not wait for it."""
        self._links_of(2)

    def close(self) -> None:
        """Close every link."""
        self.pool.close()
        for links in self._links.values():
            for link in links:
                link.close()

    def reconnect(self, server: Server) -> None:
        """Leave the address that `server` had; what is under way there is answered with an error."""
        self.pool.leave(server)
        self.databases = {0}
        for links in self._links.values():
            for link in links:
                if link.server is server:
                    link.break_off()

    def route(
        self, rule: Rule, arguments: list[bytes], raw: bytes, slot: Waiting, protocol: int, database: int = 0
    ) -> None:
        """Send a command that `policy.redis.routing.fault` has nothing against."""
        if rule.target is Target.SLOT:
            self.to_keys(rule.keys(arguments), raw, slot, protocol, database)
        elif rule.target is Target.TURN:
            _NextInTurn(self, slot, protocol, database).send(raw)
        elif rule.merged is not None and (links := self._links_of(protocol)):
            fan_out(links, raw, slot, rule.merged, database)
        elif rule.merged is not None:
            slot.answer(_NO_SERVER)
        else:
            SEVERAL[rule.target](self, Errand(rule, arguments, raw, slot, protocol, database))

    def to_keys(self, keys: Sequence[bytes], raw: bytes, waiting: Waiting, protocol: int, database: int) -> None:
        """Send a command, or a transaction, that touches `keys` to the owner of the slot they share."""
        slot_number = common_slot(keys)
        if slot_number == CROSSING:
            waiting.answer(CROSSSLOT)
        elif (index := self.owner(slot_number)) < 0:
            waiting.answer(_NO_SERVER)
        else:
            self.send(index, raw, waiting, protocol, database)

    def prepare(self, keys: Sequence[bytes], database: int, ready: Callable[[], None]) -> None:
        """Call `ready` when `keys`, of one slot, are at its owner.

        For who is about to use them over a connection of its own. There they always are, as long as nothing moves keys.
        """
        ready()

    def owner(self, slot_number: int) -> int:
        """Return the index of the server that owns a slot, of any running one for KEYLESS; -1 when there is none."""
        if slot_number == KEYLESS:
            links = self._links_of(2)
            running = [index for index, running in enumerate(self.backend.running) if running]
            return next((index for index in running if links[index].sendable), running[0] if running else -1)
        return self.backend.slots.owners[slot_number]

    def send(self, index: int, raw: bytes, waiting: Waiting, protocol: int, database: int) -> None:
        """Send a command to the server of that index."""
        link = self._links_of(protocol)[index]
        if not self.backend.running[index]:
            waiting.refused(raw, down(link.server))
        elif database:
            link.send_in(database, raw, waiting)
        else:
            link.send(raw, waiting)

    def home(self, channel: bytes) -> int:
        """Return the index of the server where a channel is published; weights and outages do not move it."""
        return self._channels[slot_of(channel)]

    @cached_property
    def _channels(self) -> array[int]:
        """The home of each slot: made when the first channel is used."""
        names = [server.name for server in self.backend.servers]
        return SlotTable(names, [1] * len(names)).owners

    def moving(self) -> bool:
        """Tell whether keys are on their way from one server to another, so that a SCAN has to go round again."""
        return False

    def follow_slots(self) -> None:
        """Have commands that wait for data wait at the owner of their slot, after slots have got other owners."""
        for waiter in [*self.waiters]:
            waiter.follow()

    def next_link(self, protocol: int) -> Link | None:
        """Return the link to the server whose turn it is, leaving out those that are known to be broken."""
        links, turns = self._links_of(protocol), self.backend.turns
        for _ in range(2 * len(links)):
            index = turns.pick()
            if index < 0:
                return None
            if links[index].sendable:
                return links[index]
        usable = [link for link in links if link.sendable and link.server.usable]
        return usable[0] if usable else None

    def to_owner(self, slot_number: int, raw: bytes, waiting: Waiting, protocol: int) -> None:
        """Send a command whose keys are in the slot of that number."""
        index = self.backend.slots.owners[slot_number]
        if index < 0:
            waiting.answer(_NO_SERVER)
        else:
            self._send(self._links_of(protocol)[index], index, raw, waiting)

    def scatter(self, run: Run, owner: Owner, protocol: int) -> Scatter | None:
        """Send each command of `run` to the owner of its key, None when they are to be looked at one by one."""
        if not self.heads.issuperset(run.heads):
            return None
        if self._slots is not self.backend.slots:
            self._slots = self.backend.slots
            self._owners = by_hash(self._slots)
        hashes = map(slot_of, run.keys) if b"{" in run.whole else map(crc_hqx, run.keys, repeat(0))
        order = list(map(self._owners.__getitem__, hashes))
        if -1 in order:
            return None
        scatter = Scatter(owner, order)
        links = self._links_of(protocol)
        for index, raw, share in scatter.split(run.raws):
            self._send(links[index], index, raw, share)
        return scatter

    def _send(self, link: Link, index: int, raw: bytes, waiting: Waiting) -> None:
        if self.backend.running[index]:
            link.send(raw, waiting)
        else:
            waiting.refused(raw, down(link.server))

    def links(self, protocol: int) -> list[Link]:
        """Return the link to each server, in the servers' order."""
        return self._links_of(protocol)

    def _links_of(self, protocol: int) -> list[Link]:
        """Return one link per server that speaks `protocol`; the first client that does makes them."""
        links = self._links.get(protocol)
        if links is None:
            timeouts = self.backend.config.timeouts
            links = self._links[protocol] = [
                Link(
                    server,
                    self._services,
                    self.turn,
                    protocol=protocol,
                    connect_s=timeouts.connect_s,
                    server_s=timeouts.server_s,
                )
                for server in self.backend.servers
            ]
            for link in links:
                link.open()
        return links


class _NextInTurn(One):
    """A command that any server may execute: handed back by one, it goes to the next."""

    __slots__ = ("_database", "_protocol", "_router", "_slot", "_tries")

    def __init__(self, router: Router, slot: Waiting, protocol: int, database: int) -> None:
        self._router = router
        self._slot = slot
        self._database = database
        self._protocol = protocol
        self._tries = 0

    def send(self, raw: bytes) -> None:
        """Send `raw` to the next server, to each at most once."""
        link = self._router.next_link(self._protocol)
        if link is None or self._tries > len(self._router.backend.servers):
            self._slot.answer(_NONE_AVAILABLE)
            return
        self._tries += 1
        if self._database:
            link.send_in(self._database, raw, self)
        else:
            link.send(raw, self)

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._slot.answer(reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Try the next server."""
        self._router.backend.counters.redispatches += 1
        self.send(raw)


def down(server: Server) -> bytes:
    """Return the error for a command whose server is known to be away."""
    return b"-SERVERDOWN %s is %s: its keys are out of reach until it is back\r\n" % (
        str(server).encode(),
        server.status.encode(),
    )
