"""Sends commands of all clients of one backend where the rules say, over one link per server and protocol."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Mapping, Sequence
from itertools import repeat

from wproxy.dataplane.redis.knowledge import BUILTIN, Knowledge
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.rebalance import Rebalance
from wproxy.dataplane.redis.scatter import Pieces, Scatter, Share
from wproxy.dataplane.redis.slot import Gather, One, Owner, Slot, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import MOVING, by_hash, slot_of
from wproxy.policy.redis.commands import Command
from wproxy.policy.redis.routing import CROSSSLOT, Rule, Target, common_slot, keyed, rules
from wproxy.policy.redis.secrets import masked
from wproxy.protocols.resp import Run, head
from wproxy.state.backend import Backend
from wproxy.state.captures import NOBODY, Capture, Excerpt, Named, Side
from wproxy.state.server import Server

_NO_SERVER = b"-SERVERDOWN no server of this backend has a weight\r\n"
_NONE_AVAILABLE = b"-SERVERDOWN no server of this backend is available\r\n"


class Router:
    """Owns the links of `backend`."""

    def __init__(self, backend: Backend, services: Services) -> None:
        self.backend = backend
        self._services = services
        self._by_key = backend.balance == "key"
        self._knowledge = Knowledge(self._know)
        self._know(BUILTIN)
        self.turn = Turn(services.loop)
        self._links: dict[int, list[Link]] = {}
        self._servers = list(backend.servers)  # those of the links
        self._slots = backend.slots
        self.owners = by_hash(backend.slots)  # -1 and MOVING apart, numbers of links
        # With `option redis-eject` keys are a cache's: slots change hands at once, and nobody looks for what was there.
        moves_keys = self._by_key and not backend.config.redis_eject
        self._rebalance = Rebalance(self, services) if moves_keys else None
        backend.epochs = self._rebalance
        backend.on_rebuild = self._follow
        backend.under_way = self._under_way

    def _know(self, table: Mapping[bytes, Command]) -> None:
        """Route by `table` from now on."""
        self.rules = rules(table, frozenset(OWN), by_key=self._by_key)
        self.heads = {  # of the commands that go to the owner of their first argument and ask for nothing else
            head(name, count) for name, counts in keyed(self.rules).items() for count in range(2, 6) if count in counts
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
        for links in self._links.values():
            for link in links:
                link.close()

    def reconnect(self, server: Server) -> None:
        """Leave the address that `server` had; what is under way there is answered with an error."""
        for links in self._links.values():
            for link in links:
                if link.server is server:
                    link.break_off()
        if self._rebalance is not None:
            self._rebalance.mover.leave(server.name)

    def route(self, rule: Rule, arguments: list[bytes], raw: bytes, slot: Slot, protocol: int) -> None:
        """Send a command that `policy.redis.routing.fault` has nothing against."""
        if rule.target is Target.SLOT:
            slot_number = common_slot(rule.command.keys(arguments))
            if slot_number < 0:
                slot.answer(CROSSSLOT)
            else:
                self.to_owner(slot_number, rule.command.keys(arguments), raw, slot, protocol)
        elif rule.target is Target.TURN:
            _NextInTurn(self, slot, protocol).send(raw)
        else:
            self._to_every(rule.absent, raw, slot, protocol)

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

    def to_owner(self, slot_number: int, keys: Sequence[bytes], raw: bytes, waiting: Waiting, protocol: int) -> None:
        """Send a command whose `keys` are in the slot of that number."""
        index = self.owners[slot_number]
        if index >= 0:
            self._send(self._links_of(protocol)[index], index, raw, waiting)
        elif index == MOVING and self._rebalance is not None:
            self._rebalance.send(slot_number, keys, raw, waiting, protocol)
        else:
            waiting.answer(_NO_SERVER)

    def scatter(self, run: Run, owner: Owner, protocol: int) -> Scatter | None:
        """Send each command of `run` to the owner of its key, None when they are to be looked at one by one."""
        if not self.heads.issuperset(run.heads):
            return None
        hashes = map(slot_of, run.keys) if b"{" in run.whole else map(crc_hqx, run.keys, repeat(0))
        order = list(map(self.owners.__getitem__, hashes))
        if -1 in order:
            return None
        scatter = Scatter(owner, order)
        links = self._links_of(protocol)
        for index, raw, share in scatter.split(run.raws):
            if index >= 0:
                self._send(links[index], index, raw, share)
            else:
                moving = [place for place, number in enumerate(order) if number == index]
                self._to_moving([(run.keys[place], run.raws[place]) for place in moving], share, protocol)
        return scatter

    def _to_moving(self, commands: Sequence[tuple[bytes, bytes]], share: Share, protocol: int) -> None:
        """Send each of `commands`, keys and bytes, on its own: each may have to wait for its key."""
        pieces = Pieces(share, len(commands))
        for place, (key, raw) in enumerate(commands):
            self.to_owner(slot_of(key), (key,), raw, pieces.piece(place), protocol)

    def _send(self, link: Link, index: int, raw: bytes, waiting: Waiting) -> None:
        if self.backend.running[index]:
            link.send(raw, waiting)
        else:
            waiting.refused(raw, _down(link.server))

    def _to_every(self, absent: frozenset[bytes], raw: bytes, slot: Slot, protocol: int) -> None:
        links = self._links_of(protocol)
        for link, part in zip(links, Gather(slot, len(links), absent).parts(), strict=True):
            if link.server.admin.maint:
                part.refused(raw, _down(link.server))
            else:
                link.send(raw, part)

    def _links_of(self, protocol: int) -> list[Link]:
        """Return one link per server that speaks `protocol`; the first client that does makes them."""
        links = self._links.get(protocol)
        if links is None:
            links = self._links[protocol] = [self.connect(server, protocol) for server in self._servers]
        return links

    def connect(self, server: Server, protocol: int = 2) -> Link:
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
        )
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
        self._slots = self.backend.slots
        self.owners = by_hash(self._slots)
        if self._rebalance is not None:
            self._rebalance.follow()

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
        for server in before:
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

    __slots__ = ("_protocol", "_router", "_slot", "_tries")

    def __init__(self, router: Router, slot: Waiting, protocol: int) -> None:
        self._router = router
        self._slot = slot
        self._protocol = protocol
        self._tries = 0

    def send(self, raw: bytes) -> None:
        """Send `raw` to the next server, to each at most once."""
        link = self._router.next_link(self._protocol)
        if link is None or self._tries > len(self._router.backend.servers):
            self._slot.answer(_NONE_AVAILABLE)
            return
        self._tries += 1
        link.send(raw, self)

    def answer(self, reply: bytes) -> None:
        """Pass the reply on."""
        self._slot.answer(reply)

    def refused(self, raw: bytes, error: bytes) -> None:
        """Try the next server."""
        self._router.backend.counters.redispatches += 1
        self.send(raw)


def _down(server: Server) -> bytes:
    return b"-SERVERDOWN %s is %s: its keys are out of reach until it is back\r\n" % (
        str(server).encode(),
        server.status.encode(),
    )
