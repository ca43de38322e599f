"""What `tcp-request content` rules make of the first bytes of a client (configuration manual, section 4.2)."""

from __future__ import annotations

import enum

from wproxy.config.acl.facts import Facts
from wproxy.config.model import ContentRule


class Decision(enum.Enum):
    """How it stands with a client."""

    WAIT = "wait"  # for more data
    ACCEPT = "accept"
    REJECT = "reject"


class Inspection:
    """The rules of one proxy and one client: each time when more has come they are asked from the first one on.

    A rule that cannot be decided yet ends that; where only its action has to wait the next time begins with that.
    """

    __slots__ = ("_acting", "_rules")

    def __init__(self, rules: tuple[ContentRule, ...]) -> None:
        self._rules = rules
        self._acting: int | None = None  # the rule whose condition holds and whose action waits

    def decide(self, facts: Facts) -> Decision:
        """Ask the rules; without one that says something else clients are accepted."""
        for number in range(self._acting or 0, len(self._rules)):
            rule = self._rules[number]
            if number != self._acting and rule.condition is not None:
                holds = rule.condition(facts)
                if holds is None:
                    return Decision.WAIT
                if not holds:
                    continue
            if rule.act is None:
                return Decision.ACCEPT if rule.accepts else Decision.REJECT
            self._acting = number
            if rule.ready is not None and not rule.ready(facts):
                return Decision.WAIT
            self._acting = None
            rule.act(facts)
        return Decision.ACCEPT
