"""What a router knows without a connection: homes of channels, and what is under way beside it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.wproxy.state.parties import backend_config, line
from wproxy.config.model import Mode
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.redis.several import SEVERAL, Errand
from wproxy.policy.redis.routing import Target
from wproxy.state.backend import Backend

if TYPE_CHECKING:
    from wproxy.dataplane.services import Services

CHANNELS = [b"channel%d" % number for number in range(50)]


def router(*names: str) -> Router:
    config = replace(backend_config(*(line(name) for name in names), balance="key"), mode=Mode.REDIS)
    loop = SimpleNamespace(call_later=lambda *_: None, call_soon=lambda *_: None)
    return Router(Backend(config, 0.0), cast("Services", SimpleNamespace(clock=lambda: 100.0, loop=loop)))


def test_channels_stay_at_home_when_servers_come_and_go() -> None:
    made = router("a", "b", "c")
    a, b, c = made.backend.servers
    before = {channel: made.backend.servers[made.home(channel)] for channel in CHANNELS}
    assert set(before.values()) == {a, b, c}
    b.removed = True
    made._servers = [a, c]
    after = {channel: made._servers[made.home(channel)] for channel in CHANNELS}
    assert all(after[channel] is server for channel, server in before.items() if server is not b)
    assert {after[channel] for channel, server in before.items() if server is b} == {c}


def test_a_backend_that_begins_without_servers_has_homes_when_it_has_one() -> None:
    made = router()
    made._servers = [cast("Any", SimpleNamespace(removed=False))]
    assert made.home(b"channel") == 0


def test_who_wants_quiet_waits_for_what_is_under_way_on_its_slots_only() -> None:
    made, happened = router("a"), list[str]()
    made.when_quiet(frozenset({1}), lambda: happened.append("at once"))
    for slot in (1, 1, 2, 3):
        made.engage(slot)
    made.when_quiet(frozenset({1, 2}), lambda: happened.append("later"))
    assert [made.awaits_quiet(slot) for slot in (1, 2, 3)] == [True, True, False]
    for slot in (1, 3, 2):
        made.disengage(slot)
    assert happened == ["at once"]
    made.disengage(1)
    assert happened == ["at once", "later"]
    assert not made.awaits_quiet(1)


def test_commands_may_be_under_way_on_a_link_of_each_protocol() -> None:
    made = router("a", "b")
    a, b = made.backend.servers
    made._links = {
        protocol: [cast("Any", SimpleNamespace(server=server, protocol=protocol)) for server in (a, b)]
        for protocol in (2, 3)
    }
    assert made.links_to(b) == [made._links[2][1], made._links[3][1]]


@pytest.mark.parametrize(("name", "waits"), [("flushall", True), ("flushdb", True), ("dbsize", False)])
def test_what_empties_servers_waits_until_nothing_moves(name: str, waits: bool) -> None:
    waited: list[object] = []
    link = SimpleNamespace(server=SimpleNamespace(admin=SimpleNamespace(maint=True)))
    answers: list[bytes] = []
    asked = SimpleNamespace(links=lambda protocol: [link], while_nothing_moves=lambda slot, do: waited.append(slot))
    slot = SimpleNamespace(answer=answers.append)
    rule = SimpleNamespace(command=SimpleNamespace(name=name))
    SEVERAL[Target.ALL](cast("Router", asked), Errand(cast("Any", rule), [], b"", cast("Any", slot), 2, 0))
    assert (waited == [slot], len(answers)) == (waits, int(not waits))
