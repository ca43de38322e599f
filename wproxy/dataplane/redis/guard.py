"""Stands where a client's router would be until the client has logged in: it lets nothing through.

    client ─▶ RedisConnection ─▶ Guard ─▶ NOAUTH              after AUTH: RedisConnection ─▶ Router ─▶ Link
                                  └─▶ AUTH, HELLO, QUIT, RESET (the proxy's own answers)

So the way of a command costs nothing more where logins are configured, and nobody can forget to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from wproxy.dataplane.redis.slot import Slot
from wproxy.policy.redis.access import NOAUTH, OPEN
from wproxy.policy.redis.routing import Rule, Target

if TYPE_CHECKING:
    from wproxy.dataplane.redis.router import Router


class Guard:
    """What a connection may use of a router before its client is in."""

    __slots__ = ("_guarded", "_rules", "router")
    heads: ClassVar[Mapping[bytes, str]] = MappingProxyType({})  # no command takes the short way

    def __init__(self, router: Router) -> None:
        self.router = router
        self._guarded: Mapping[bytes, Rule] = {}
        self._rules: dict[bytes, Rule] = {}

    @property
    def rules(self) -> Mapping[bytes, Rule]:
        """The router's rules, but that all commands come to `route` that a client may not call before AUTH."""
        if self._guarded is not self.router.rules:
            self._guarded = self.router.rules
            self._rules = {
                name: rule if name in OPEN else Rule(rule.command, Target.SLOT) for name, rule in self._guarded.items()
            }
        return self._rules

    def gather(self, *_: object) -> None:
        """Have the commands looked at one by one."""

    def route(self, rule: Rule, arguments: list[bytes], raw: bytes, slot: Slot, *_: object) -> None:
        """Answer that the client has to log in."""
        slot.answer(NOAUTH)
