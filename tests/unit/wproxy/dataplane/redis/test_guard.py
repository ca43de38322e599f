from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from tests.unit.wproxy.dataplane.redis.test_slot import Owner
from wproxy.dataplane.redis.guard import Guard
from wproxy.dataplane.redis.own import OWN
from wproxy.dataplane.redis.slot import Slot
from wproxy.policy.redis.access import NOAUTH
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.routing import Target, fault, rules

if TYPE_CHECKING:
    from wproxy.dataplane.redis.router import Router


def test_only_the_handshake_passes() -> None:
    router = SimpleNamespace(rules=rules(parse_rows(ROWS), frozenset(OWN), by_key=True))
    guard = Guard(cast("Router", router))
    passing = {name for name, rule in guard.rules.items() if rule.target in (Target.OWN, Target.STATE)}
    assert passing == {b"AUTH", b"HELLO", b"QUIT", b"RESET"}
    assert not guard.heads
    for arguments in ([b"GET", b"k"], [b"PING"], [b"SUBSCRIBE", b"x"], [b"MULTI"]):
        rule = guard.rules[arguments[0]]
        assert fault(rule, arguments, "key") is None
        slot = Slot(Owner())
        guard.route(rule, arguments, b"", slot, 2)
        assert slot.reply == NOAUTH


def test_it_follows_what_the_router_learns() -> None:
    router = SimpleNamespace(rules=rules(parse_rows(ROWS), frozenset(OWN), by_key=True))
    guard = Guard(cast("Router", router))
    before = guard.rules
    assert guard.rules is before
    router.rules = rules(parse_rows("json.set -4 1 1 1 w"), frozenset(OWN), by_key=True)
    assert set(guard.rules) == {b"JSON.SET"}
