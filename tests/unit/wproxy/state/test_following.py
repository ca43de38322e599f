from __future__ import annotations

from collections.abc import Mapping

import orjson
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.dynamic import dynamic_server
from wproxy.config.loader import parse
from wproxy.config.model import Address
from wproxy.state import following
from wproxy.state.admission import RateLimit
from wproxy.state.control import Control, Notice, ServerChange, ServerNotice
from wproxy.state.following import Share
from wproxy.state.registry import Registry

CONFIGURATION = """
frontend f
    bind 127.0.0.1:1
    maxconn 9
    default_backend b
backend b
    server a 127.0.0.1:2 weight 30 check slowstart 10s
    server c 127.0.0.1:3 weight 70 maxconn 5
"""


def made(more: str = "") -> tuple[Registry, Control]:
    registry = Registry(parse(CONFIGURATION + more, "cfg", {}), 101, 0.0)
    return registry, Control(registry, lambda: 0.0)


class Pair:
    """A supervisor's state and that of one of two workers, which follows."""

    def __init__(self, more: str = "") -> None:
        self.registry, self.control = made(more)
        self.theirs, self.follower = made(more)
        self.share = Share(1, 2)
        self.notices: list[Notice] = []
        self.follower.subscribe(self.notices.append)
        self.follow()
        self.notices.clear()

    def follow(self) -> None:
        records = orjson.loads(orjson.dumps(following.records(self.registry)))
        following.apply(self.follower, records, lambda name: self.share)

    @property
    def same(self) -> bool:
        return {k: v for k, v in following.records(self.registry).items() if k[:6] in ("server", "backen")} == {
            k: v for k, v in following.records(self.theirs).items() if k[:6] in ("server", "backen")
        }


@given(st.integers(0, 1000), st.integers(1, 9))
def test_the_parts_of_a_limit_are_the_limit(limit: int, of: int) -> None:
    parts = [Share(number, of).part(limit) for number in range(of)]
    assert sum(parts) == limit
    assert max(parts) - min(parts) <= 1


def test_limits_are_shared() -> None:
    pair = Pair()
    assert pair.theirs.frontends["f"].maxconn == 4
    assert pair.theirs.maxconn == 50
    pair.control.set_frontend_maxconn(pair.registry.frontends["f"], 1)
    pair.control.set_global_maxconn(1)
    pair.control.set_rate_limit(RateLimit.SESSIONS, 1)
    pair.follow()
    assert pair.theirs.frontends["f"].full
    assert pair.theirs.admission.full
    assert pair.theirs.admission.wait_s(5.5) > 0  # its part of one a second is none


def test_weights_states_and_addresses_follow() -> None:
    pair = Pair()
    a, c = pair.registry.backends["b"].servers
    pair.control.set_weight(a, "50")
    pair.control.set_maint(c)
    pair.control.set_address(a, Address("127.0.0.9", 77))
    pair.follow()
    assert pair.same
    theirs, other = pair.theirs.backends["b"].servers
    assert theirs.weight == 50
    assert str(theirs.address) == "127.0.0.9:77"
    assert other.status == "MAINT"
    changes = [notice.change for notice in pair.notices if isinstance(notice, ServerNotice)]
    assert changes == [ServerChange.ADDRESS, ServerChange.WEIGHT]
    assert [pair.theirs.backends["b"].assign() for _ in range(3)] == [theirs] * 3


def test_health_follows_and_sends_clients_elsewhere() -> None:
    pair = Pair()
    pair.control.set_down(pair.registry.backends["b"].servers[0])
    pair.follow()
    backend = pair.theirs.backends["b"]
    assert backend.usable == 1
    assert not backend.servers[0].running


def test_a_slow_start_began_when_it_began() -> None:
    pair = Pair()
    a = pair.registry.backends["b"].servers[0]
    pair.control.set_maint(a)
    pair.follow()
    pair.control.set_ready(a)
    pair.follow()
    theirs = pair.theirs.backends["b"].servers[0]
    assert theirs.warmup is not None
    assert a.warmup is not None
    assert theirs.share == a.share < 30 * 16
    a.warmup = None
    pair.follow()
    assert theirs.warmup is None


def test_servers_come_and_go_with_their_numbers() -> None:
    pair = Pair()
    backend = pair.registry.backends["b"]
    words = ["127.0.0.1:9", "weight", "7"]
    server = pair.control.add_server(backend, dynamic_server("new", words), words)
    pair.control.set_ready(server)
    pair.follow()
    assert pair.same
    theirs = pair.theirs.backends["b"].by_name["new"]
    assert (theirs.weight, theirs.server_id, theirs.usable) == (7, 3, True)
    pair.control.set_maint(server)
    pair.control.remove_server(server)
    pair.follow()
    assert "new" not in pair.theirs.backends["b"].by_name


def test_frontends_open_and_close() -> None:
    pair = Pair()
    for change in (pair.control.pause, pair.control.resume, pair.control.shut_down):
        change(pair.registry.frontends["f"])
        pair.follow()
        assert pair.theirs.frontends["f"].status is pair.registry.frontends["f"].status


def test_what_has_not_changed_is_left_alone() -> None:
    pair = Pair()
    pair.follow()
    assert pair.notices == []


def test_a_record_of_something_unknown_is_passed_over() -> None:
    pair = Pair()
    gone: Mapping[str, object] = {"server b/gone": {}, "server x/y": {}, "backend x": {}, "frontend x": []}
    following.apply(pair.follower, gone, lambda _: Share())
    assert pair.same


def test_several_weights_at_once_are_one_choice_for_those_who_follow() -> None:
    """With `balance key` each choice is an epoch."""
    pair = Pair()
    rebuilt: list[list[int]] = []
    backend = pair.theirs.backends["b"]
    backend.on_rebuild = lambda: rebuilt.append([server.weight for server in backend.servers])
    servers = pair.registry.backends["b"].servers
    pair.control.set_weights([(servers[0], "31"), (servers[1], "71")])
    pair.follow()
    assert rebuilt == [[31, 71]]
    pair.follow()
    assert len(rebuilt) == 1


def test_a_rate_of_the_configuration_is_shared_too() -> None:
    pair = Pair("global\n maxconnrate 5\n")
    assert pair.registry.admission.part(RateLimit.CONNECTIONS) == 5
    assert pair.theirs.admission.limits[RateLimit.CONNECTIONS] == 5
    assert pair.theirs.admission.part(RateLimit.CONNECTIONS) in (2, 3)
