"""Commands that several servers execute, or one that is not found by a slot: a row per target of `routing.Target`."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.slot import Changed, Gather, Merge, Waiting
from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.fanout import AWAY, merge_all
from wproxy.policy.redis.routing import Rule, Target
from wproxy.policy.redis.scanning import first_server, next_cursor, own_cursor_of, read_cursor, with_cursor
from wproxy.policy.redis.splitting import merge_parts, split
from wproxy.protocols.resp import pack
from wproxy.protocols.resp.values import array, bulk, error

if TYPE_CHECKING:
    from wproxy.dataplane.redis.router import Router


class Errand(NamedTuple):
    """One command of a client, and who waits for its reply."""

    rule: Rule
    arguments: list[bytes]
    raw: bytes
    slot: Waiting
    protocol: int
    database: int


def _split(router: Router, errand: Errand) -> None:
    """Send to each owner what concerns its keys; unchanged when there is only one."""
    splitting = errand.rule.splitting
    parts = split(splitting, errand.arguments, lambda key: router.group(slot_of(key)))
    if len(parts) == 1:
        # The keys of a moving slot must all be known; otherwise the first one has the owner of all.
        keys = parts[0].keys if parts[0].group < 0 else parts[0].keys[:1]
        router.to_owner(slot_of(keys[0]), keys, errand.raw, errand.slot, errand.protocol, errand.database)
        return

    def merged(replies: list[bytes]) -> bytes:
        return merge_parts(splitting, parts, replies)

    gather = Gather(errand.slot, len(parts), merged)  # type: ignore[arg-type] # telling parts bring no None
    for part, waiting in zip(parts, gather.parts(telling=True), strict=True):
        if part.group >= 0:
            router.send(part.group, part.raw, waiting, errand.protocol, errand.database)
        else:
            router.to_owner(slot_of(part.keys[0]), part.keys, part.raw, waiting, errand.protocol, errand.database)


_EMPTYING = frozenset({"flushall", "flushdb"})  # a key on its way would arrive behind them


def _to_all(router: Router, errand: Errand) -> None:
    """Have every server do it."""
    links = router.links(errand.protocol)
    if not links:
        errand.slot.answer(AWAY)
        return
    name = errand.rule.command.name
    if name == "randomkey":
        links = random.sample(links, len(links))

    def ask(waiting: Waiting) -> None:
        fan_out(links, errand.raw, waiting, partial(merge_all, name), errand.database)

    if name in _EMPTYING:
        router.while_nothing_moves(errand.slot, ask)
    else:
        ask(errand.slot)


def fan_out(links: Sequence[Link], raw: bytes, slot: Waiting, merged: Merge, database: int) -> None:
    """Send a command to every server, unless it is in maintenance; `merged` makes one reply of theirs."""
    for link, part in zip(links, Gather(slot, len(links), merged).parts(), strict=True):
        if link.server.admin.maint:
            part.refused(raw, AWAY)
        elif database:
            link.send_in(database, raw, part)
        else:
            link.send(raw, part)


def _to_any(router: Router, errand: Errand) -> None:
    router.to_keys((), errand.raw, errand.slot, errand.protocol, errand.database)


def _scan(router: Router, errand: Errand) -> None:
    """Ask the server that the cursor names, and have the client get a cursor that says where to go on."""
    cursor = read_cursor(errand.arguments[1])
    if cursor is None:
        errand.slot.answer(error("ERR invalid cursor"))
        return
    by_id = {server.server_id: index for index, server in enumerate(router.backend.servers)}
    ids = sorted(by_id)
    at = first_server(cursor, ids, router.generation)
    if not ids:
        errand.slot.answer(AWAY)
        return
    if at is None:
        errand.slot.answer(array([bulk(b"0"), array([])]))
        return

    def renumbered(reply: bytes) -> bytes:
        return with_cursor(reply, next_cursor(at, own_cursor_of(reply), ids, router.generation))

    raw = pack([errand.arguments[0], b"%d" % at.own, *errand.arguments[2:]])
    waiting = Changed(errand.slot, renumbered)
    router.send(by_id[at.server_id], raw, waiting, errand.protocol, errand.database)


def _publish(router: Router, errand: Errand) -> None:
    if router.backend.servers:
        router.send(router.home(errand.arguments[1]), errand.raw, errand.slot, errand.protocol, 0)
    else:
        errand.slot.answer(AWAY)


SEVERAL: Mapping[Target, Callable[[Router, Errand], None]] = {
    Target.SPLIT: _split,
    Target.ALL: _to_all,
    Target.ANY: _to_any,
    Target.SCAN: _scan,
    Target.CHANNEL: _publish,
}
