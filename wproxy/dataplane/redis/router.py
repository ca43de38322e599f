"""Sends commands of all clients of one backend where the rules say, over one link per server and protocol."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Protocol, cast

from wproxy.dataplane.redis.dedicated import Pool
from wproxy.dataplane.redis.knowledge import BUILTIN, Knowledge
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.login import Identity
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.rebalance import Rebalance
from wproxy.dataplane.redis.several import SEVERAL, Errand, fan_out
from wproxy.dataplane.redis.slot import One, Owner, Then, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.redis.watcher import Watcher
from wproxy.dataplane.redis.wave import Share, Stretch, Wave
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import MOVING, by_hash, slot_of
from wproxy.policy.redis.commands import Command
from wproxy.policy.redis.routing import CROSSING, CROSSSLOT, KEYLESS, Rule, Target, common_slot, keyed, resolve, rules
from wproxy.policy.redis.secrets import masked
from wproxy.protocols.resp import Run, head
from wproxy.state.backend import Backend
from wproxy.state.captures import NOBODY, Capture, Excerpt, Named, Side
from wproxy.state.server import Server

NO_SERVER = b"-SERVERDOWN no server of this backend has a weight\r\n"
_SLOT, _TURN = Target.SLOT, Target.TURN  # Python 3.11 takes 0.1 µs to find a member in its class
_MOST_IN_WAVE = 1024  # commands: more gain nothing
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
        self._knowledge = Knowledge(self._know)
        self._know(BUILTIN)
        self.pool = Pool(services, backend.config.timeouts)
        self.waiters: dict[Waiter, None] = {}  # commands that wait for data, on connections of their own
        self.databases = {0}  # those that every server has been seen to have
        self.turn = Turn(services.loop, self.deal)
        self._waves: dict[int, Wave] = {}  # what came in this turn, by protocol
        self._links: dict[int, list[Link]] = {}
        self._servers = list(backend.servers)  # those of the links
        self._homes = tuple(backend.servers)  # of channels
        self._engaged: dict[int, int] = {}  # commands on connections of their own, by slot
        self._for_quiet: list[tuple[frozenset[int], Callable[[], None]]] = []  # who waits until some slots have none
        self._slots = backend.slots
        self.owners = by_hash(backend.slots)  # -1 and MOVING apart, numbers of links
        # With `option redis-eject` keys are a cache's: slots change hands at once, and nobody looks for what was there.
        moves_keys = self._by_key and not backend.config.redis_eject
        self.watcher: Watcher | None = None  # while somebody wants to see commands
        self._rebalance = Rebalance(self, services) if moves_keys else None
        backend.epochs = self._rebalance
        backend.on_rebuild = self._follow
        backend.under_way = self._under_way
        if backend.view is not None:
            backend.view.on_change = self._look
            self._look()

    def _look(self) -> None:
        """Look at commands, or at none, as it is wished now."""
        view = self.backend.view
        watcher = None if view is None else Watcher(view, self._resolve, self.backend.name)
        self.watcher = self.pool.watcher = watcher if watcher is not None and watcher.needed else None
        for links in self._links.values():
            for link in links:
                link.watch(self.watcher)

    def _resolve(self, arguments: list[bytes]) -> Sequence[bytes]:
        """Return the keys in `arguments`, the beginning of a command that has been sent to a server."""
        rule = resolve(self.rules, arguments)
        return () if rule is None else rule.keys(arguments)

    def _know(self, table: Mapping[bytes, Command]) -> None:
        """Route by `table` from now on."""
        self.rules = rules(table, frozenset(OWN), by_key=self._by_key)
        self.heads = {  # names of the commands that go to the owner of their first argument and ask for nothing else
            head(name, count): name.lower().decode()
            for name, counts in keyed(self.rules).items()
            for count in range(2, 6)
            if count in counts
        }

    def open(self) -> None:
        """Connect to every server, so that the first client does not wait for it."""
        self._links_of(2)
        if self._rebalance is not None:
            self._rebalance.begin()

    def close(self) -> None:
        """Close every link."""
        if self._rebalance is not None:
            self._rebalance.close()
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
        if self._rebalance is not None:
            self._rebalance.mover.leave(server.name)

    def route(
        self, rule: Rule, arguments: list[bytes], raw: bytes, slot: Waiting, protocol: int, database: int = 0
    ) -> None:
        """Send a command that `policy.redis.routing.fault` has nothing against."""
        if rule.target is _SLOT:
            self.to_keys(rule.keys(arguments), raw, slot, protocol, database)
        elif rule.target is _TURN:
            _NextInTurn(self, slot, protocol, database).send(raw)
        elif rule.merged is not None and (links := self._links_of(protocol)):
            fan_out(links, raw, slot, rule.merged, database)
        elif rule.merged is not None:
            slot.answer(NO_SERVER)
        else:
            SEVERAL[rule.target](self, Errand(rule, arguments, raw, slot, protocol, database))

    def to_keys(self, keys: Sequence[bytes], raw: bytes, waiting: Waiting, protocol: int, database: int) -> None:
        """Send a command, or a transaction, that touches `keys` to the owner of the slot they share."""
        slot_number = common_slot(keys)
        if slot_number == CROSSING:
            waiting.answer(CROSSSLOT)
        elif slot_number != KEYLESS:
            self.to_owner(slot_number, keys, raw, waiting, protocol, database)
        elif (index := self.owner(KEYLESS)) < 0:
            waiting.answer(NO_SERVER)
        else:
            self.send(index, raw, waiting, protocol, database)

    def prepare(
        self, keys: Sequence[bytes], database: int, ready: Callable[[], None], failed: Callable[[bytes], None]
    ) -> None:
        """Call `ready` when `keys`, of one slot, are at its owner, or `failed` with the error when they cannot be.

        For who is about to use them over a connection of its own, and says so at once (`engage`).
        """
        slot_number = common_slot(keys)
        if slot_number >= 0 and self.owners[slot_number] == MOVING and self._rebalance is not None:
            self._rebalance.prepare(slot_number, keys, database, ready, failed)
        else:
            ready()

    def owner(self, slot_number: int) -> int:
        """Return the index of the server that owns a slot, of any running one for KEYLESS; -1 when there is none."""
        if slot_number == KEYLESS:
            links = self._links_of(2)
            running = [index for index, running in enumerate(self.backend.running) if running]
            return next((index for index in running if links[index].sendable), running[0] if running else -1)
        return self.backend.slots.owners[slot_number]

    def group(self, slot_number: int) -> int:
        """Return what the slots have in common that one command may go to: an owner, or for a moving slot itself."""
        index = self.owners[slot_number]
        return MOVING - slot_number if index == MOVING else index

    def send(self, index: int, raw: bytes, waiting: Waiting, protocol: int, database: int = 0) -> None:
        """Send a command to the server of that index."""
        link = self._links_of(protocol)[index]
        if not self.backend.running[index]:
            waiting.refused(raw, down(link.server))
        elif database:
            link.send_in(database, raw, waiting)
        else:
            link.send(raw, waiting)

    def home(self, channel: bytes) -> int:
        """Return the index of the server where a channel is published; weights and outages do not move it.

        Nor does a server that comes later; when one goes for good, its channels are the next one's.
        """
        homes = self._homes or tuple(self._servers)
        at = slot_of(channel) % len(homes)
        for server in (*homes[at:], *homes[:at]):
            if not server.removed:
                return self._servers.index(server)
        return 0

    @property
    def generation(self) -> int:
        """Another number whenever keys have moved, or begun to; odd while they do (`policy.redis.scanning`)."""
        return 0 if self._rebalance is None else self._rebalance.generation

    def while_nothing_moves(self, waiting: Waiting, do: Callable[[Waiting], None]) -> None:
        """Have `do` done for `waiting` while no key is on its way, so that none arrives behind it."""
        rebalance = self._rebalance
        if rebalance is None or not rebalance.chain.moving:
            do(waiting)
        else:
            rebalance.pause(partial(do, Then(waiting, rebalance.resume)))

    # -- connections of their own --------------------------------------------------------------------------------

    def engage(self, slot_number: int) -> None:
        """Take note that a command on this slot is under way over a connection of its own."""
        self._engaged[slot_number] = self._engaged.get(slot_number, 0) + 1

    def disengage(self, slot_number: int) -> None:
        """Take note that it has been answered."""
        left = self._engaged.pop(slot_number) - 1
        if left:
            self._engaged[slot_number] = left
            return
        for waiting in [each for each in self._for_quiet if slot_number in each[0]]:
            if self._engaged.keys().isdisjoint(waiting[0]):
                self._for_quiet.remove(waiting)
                waiting[1]()

    def awaits_quiet(self, slot_number: int) -> bool:
        """Tell whether somebody waits until nothing is under way there."""
        return any(slot_number in slots for slots, _ in self._for_quiet)

    def when_quiet(self, slots: frozenset[int], call: Callable[[], None]) -> None:
        """Call when nothing is under way on `slots` over connections of their own; those that wait are asked to end."""
        if self._engaged.keys().isdisjoint(slots):
            call()
        else:
            self._for_quiet.append((slots, call))

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

    def to_owner(
        self, slot_number: int, keys: Sequence[bytes], raw: bytes, waiting: Waiting, protocol: int, database: int = 0
    ) -> None:
        """Send a command whose `keys` are in the slot of that number."""
        index = self.owners[slot_number]
        if index >= 0:
            link = (self._links.get(protocol) or self._links_of(protocol))[index]
            if database or not self.backend.running[index]:
                self.send(index, raw, waiting, protocol, database)
            else:
                link.send(raw, waiting)
        elif index == MOVING and self._rebalance is not None:
            self._rebalance.send(slot_number, keys, raw, waiting, protocol, database)
        else:
            waiting.answer(NO_SERVER)

    def gather(self, run: Run, owner: Owner, protocol: int) -> Stretch | None:
        """Have each command of `run` sent to the owner of its key when the turn ends, together with other clients'.

        None when they are to be looked at one by one.
        """
        names = [*map(self.heads.get, run.heads)]
        if None in set(names):
            return None
        wave = self._waves.get(protocol)
        if wave is None:
            wave = self._waves[protocol] = Wave()
            self.turn.begin()
        self.turn.commands += len(names)
        stretch = wave.add(run, cast("list[str]", names), owner)
        if len(wave.raws) >= _MOST_IN_WAVE:
            self.deal()
        return stretch

    def deal(self) -> None:
        """Send what was gathered; to be called before a command that must not overtake it."""
        while self._waves:  # whoever is answered meanwhile may send more
            protocol, wave = self._waves.popitem()
            hashes = [*(map(slot_of, wave.keys) if wave.tagged else map(crc_hqx, wave.keys, repeat(0)))]
            order = [*map(self.owners.__getitem__, hashes)]
            if MOVING in order and self._rebalance is not None:
                self._rebalance.find_homes(order, wave.keys)
            for index, raw, share in wave.split(order):
                if index >= 0:
                    self.send(index, raw, share, protocol)
                elif index == MOVING:
                    moving = [place for place, number in enumerate(order) if number == MOVING]
                    self._to_moving([(wave.keys[place], wave.raws[place]) for place in moving], share, protocol)
                else:
                    share.answer(NO_SERVER)

    def _to_moving(self, commands: Sequence[tuple[bytes, bytes]], share: Share, protocol: int) -> None:
        """Send each of `commands`, keys and bytes, on its own: each may have to wait for its key."""
        for (key, raw), piece in zip(commands, share.pieces(), strict=True):
            self.to_owner(slot_of(key), (key,), raw, piece, protocol)

    def links(self, protocol: int) -> list[Link]:
        """Return the link to each server, in the servers' order."""
        return self._links_of(protocol)

    def _links_of(self, protocol: int) -> list[Link]:
        """Return one link per server that speaks `protocol`; the first client that does makes them."""
        links = self._links.get(protocol)
        if links is None:
            links = self._links[protocol] = [self.connect(server, protocol) for server in self._servers]
        return links

    def connect(self, server: Server, protocol: int = 2, *, identity: Identity | None = None) -> Link:
        """Return a new link, opened. Those that speak RESP2 ask what the server can do: there is always one."""
        timeouts = self.backend.config.timeouts
        link = Link(
            server,
            self._services,
            self.turn,
            protocol=protocol,
            connect_s=timeouts.connect_s,
            server_s=timeouts.server_s,
            report=self._keep_error,
            queue_s=timeouts.queue_s,
            learn=self._knowledge.told if protocol == 2 else None,
            identity=identity,
        )
        if identity is None:  # a link of its own has only commands of the proxy
            link.watch(self.watcher)
        link.open()
        return link

    # -- changes -------------------------------------------------------------------------------------------------

    def link(self, server: Server, protocol: int) -> Link:
        """Return the link that clients' commands take."""
        return self._links_of(protocol)[self._servers.index(server)]

    def links_to(self, server: Server) -> list[Link]:
        """Return all links that clients' commands may be under way on."""
        return [link for links in self._links.values() for link in links if link.server is server]

    def _follow(self) -> None:
        """Take over the backend's servers and slots, when they have changed."""
        servers = self.backend.servers
        if servers != self._servers:
            self._relink(list(servers))
        elif self._slots is self.backend.slots and self._rebalance is None:
            return
        changed = self._slots is not self.backend.slots
        self._slots = self.backend.slots
        self.owners = by_hash(self._slots)
        if self._rebalance is not None:
            self._rebalance.follow()
        if changed:
            self.follow_slots()

    def _relink(self, servers: list[Server]) -> None:
        """Make links to new servers, close those to servers that are gone."""
        before, self._servers = self._servers, servers
        for protocol, links in self._links.items():
            known = dict(zip(before, links, strict=True))
            self._links[protocol] = [
                known.pop(server) if server in known else self.connect(server, protocol) for server in servers
            ]
            for link in known.values():
                link.close()
        self.pool.evict()
        for server in before:
            if server not in servers:
                self.pool.leave(server)
            if server.removed:
                self._knowledge.forget(server)

    def _under_way(self, server: Server) -> bool:
        """Tell whether commands wait for an answer of `server`."""
        return any(link.busy for links in self._links.values() for link in links if link.server is server)

    def _keep_error(self, server: Server, excerpt: Excerpt, reason: str) -> None:
        """Keep what a server said wrong, for `show errors`; clients share the connection, so that none is named."""
        services, backend = self._services, self.backend
        services.captures.keep(
            Capture(
                Side.RESPONSE,
                services.clock(),
                NOBODY,
                Named(backend.name, backend.proxy_id),
                Named(server.name, server.server_id),
                None,
                excerpt._replace(data=masked(excerpt.data)),
                (f"RESP: {reason}",),
            )
        )


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

    def clients(self) -> Sequence[tuple[Owner | None, int]]:
        """Return who gets the reply."""
        return self._slot.clients()


def down(server: Server) -> bytes:
    """Return the error for a command whose server is known to be away."""
    return b"-SERVERDOWN %s is %s: its keys are out of reach until it is back\r\n" % (
        str(server).encode(),
        server.status.encode(),
    )
