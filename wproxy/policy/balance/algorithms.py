"""The table of balance algorithms, a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wproxy.policy.balance.balancer import Balancer, Candidates
from wproxy.policy.balance.first import First
from wproxy.policy.balance.keyed import by_map, by_ring
from wproxy.policy.balance.leastconn import LeastConn
from wproxy.policy.balance.random_draws import RandomDraws
from wproxy.policy.balance.ring import Ring
from wproxy.policy.balance.server_map import HashMap
from wproxy.policy.balance.turns import roundrobin, static_rr


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One row. `consistent` is how `hash-type consistent` makes it, None where that makes no difference.

    A `static` one takes no weights at runtime but 0 and the configured one; what `consistent` makes is never static.
    One that is `keyed` needs the client's key, and means one server for it: the others choose among equals, so that a
    retry need not insist on one. One `by_load` is told of every change of load. One that works `in_order` fills
    a server up before the next, whatever the weights. One by which newcomers may overtake gives them the room that a
    `minconn` has made, though others wait in the backend's queue.
    """

    name: str
    make: Callable[[Candidates], Balancer]
    static: bool = False
    keyed: bool = False
    by_load: bool = False
    in_order: bool = False
    overtakes: bool = False
    consistent: Callable[[Candidates], Balancer] | None = None


ALGORITHMS: Mapping[str, Algorithm] = {
    row.name: row
    for row in (
        Algorithm("roundrobin", roundrobin),
        Algorithm("static-rr", static_rr, static=True),
        Algorithm("leastconn", LeastConn, by_load=True, overtakes=True),
        Algorithm("first", First, by_load=True, in_order=True),
        Algorithm("random", RandomDraws, overtakes=True),
        Algorithm("source", HashMap, static=True, keyed=True, consistent=Ring),
        # What they hash is a row of `http_keys`.
        *(
            Algorithm(name, by_map, static=True, keyed=True, consistent=by_ring)
            for name in ("uri", "url_param", "hdr", "hash")
        ),
        # mode redis: data go by the table of slots; in turn is what has no key, and what the statistics count.
        Algorithm("key", roundrobin),
    )
}
