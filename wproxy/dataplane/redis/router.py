"""Sends commands of all clients of one backend where the rules say, over one link per server and protocol."""

from __future__ import annotations

from binascii import crc_hqx
from itertools import repeat
from typing import cast

from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.scatter import Scatter
from wproxy.dataplane.redis.slot import Gather, One, Owner, Slot, Waiting
from wproxy.dataplane.redis.turn import Turn
from wproxy.dataplane.services import Services
from wproxy.policy.balance.key import by_hash, slot_of
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
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
        self.rules = rules(parse_rows(ROWS), frozenset(OWN), by_key=self._by_key)
        self.heads = {  # names of the commands that go to the owner of their first argument and ask for nothing else
            head(name, count): name.lower().decode()
            for name, counts in keyed(self.rules).items()
            for count in range(2, 6)
            if count in counts
        }
        self.turn = Turn(services.loop)
        self._links: dict[int, list[Link]] = {}
        self._slots = backend.slots
        self._owners = by_hash(backend.slots)

    def open(self) -> None:
        """Connect to every server, so that the first client does not wait for it."""
        self._links_of(2)

    def close(self) -> None:
        """Close every link."""
        for links in self._links.values():
            for link in links:
                link.close()

    def reconnect(self, server: Server) -> None:
        """Leave the address that `server` had; what is under way there is answered with an error."""
        for links in self._links.values():
            for link in links:
                if link.server is server:
                    link.break_off()

    def route(self, rule: Rule, arguments: list[bytes], raw: bytes, slot: Slot, protocol: int) -> None:
        """Send a command that `policy.redis.routing.fault` has nothing against."""
        if rule.target is Target.SLOT:
            slot_number = common_slot(rule.command.keys(arguments))
            if slot_number < 0:
                slot.answer(CROSSSLOT)
            else:
                self.to_owner(slot_number, raw, slot, protocol)
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

    def to_owner(self, slot_number: int, raw: bytes, waiting: Waiting, protocol: int) -> None:
        """Send a command whose keys are in the slot of that number."""
        index = self.backend.slots.owners[slot_number]
        if index < 0:
            waiting.answer(_NO_SERVER)
        else:
            link = (self._links.get(protocol) or self._links_of(protocol))[index]
            if self.backend.running[index]:
                link.send(raw, waiting)
            else:
                waiting.refused(raw, _down(link.server))

    def scatter(self, run: Run, owner: Owner, protocol: int) -> Scatter | None:
        """Send each command of `run` to the owner of its key, None when they are to be looked at one by one."""
        names = [*map(self.heads.get, run.heads)]
        # Looking for None is slow among strings, and needless where all are the same.
        if (first := names[0]) is None or (names.count(first) < len(names) and None in names):
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
        for index, raw, share in scatter.split(run.raws, cast("list[str]", names)):
            self._send(links[index], index, raw, share)
        return scatter

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
            timeouts = self.backend.config.timeouts
            links = self._links[protocol] = [
                Link(
                    server,
                    self._services,
                    self.turn,
                    protocol=protocol,
                    connect_s=timeouts.connect_s,
                    server_s=timeouts.server_s,
                    report=self._keep_error,
                )
                for server in self.backend.servers
            ]
            for link in links:
                link.open()
        return links

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
