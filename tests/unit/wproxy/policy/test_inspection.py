"""Rules about the first bytes of a client: what they decide now, what they wait for."""

from __future__ import annotations

from tests.unit.wproxy.config.acl.asking import facts as client
from wproxy.config.acl.facts import Facts
from wproxy.config.model import ContentRule, Location
from wproxy.policy.inspection import Decision, Inspection

HERE = Location("a.cfg", 1)


class Script:
    """Rules whose tests answer what the script says, and whose actions are noted."""

    def __init__(self, **answers: list[bool | None]) -> None:
        self.answers = answers
        self.acted: list[str] = []

    def test(self, name: str) -> bool | None:
        return self.answers[name].pop(0)

    def rule(self, accepts: bool, name: str = "") -> ContentRule:
        return ContentRule(accepts, (lambda facts: self.test(name)) if name else None, HERE)

    def action(self, name: str, ready: str = "", condition: str = "") -> ContentRule:
        def act(facts: Facts) -> None:
            self.acted.append(name)

        return ContentRule(
            True,
            (lambda facts: self.test(condition)) if condition else None,
            HERE,
            act,
            (lambda facts: self.test(ready)) if ready else None,
        )


def test_without_a_rule_that_holds_clients_are_accepted() -> None:
    assert Inspection(()).decide(client()) is Decision.ACCEPT
    script = Script(a=[False])
    assert Inspection((script.rule(False, "a"),)).decide(client()) is Decision.ACCEPT


def test_the_first_rule_that_holds_decides() -> None:
    script = Script(a=[True, False])
    rules = (script.rule(True, "a"), script.rule(False))
    assert Inspection(rules).decide(client()) is Decision.ACCEPT
    assert Inspection(rules).decide(client()) is Decision.REJECT


def test_a_condition_that_waits_is_asked_again_after_all_in_front_of_it() -> None:
    script = Script(a=[None, True])
    inspection = Inspection((script.action("x"), script.rule(False, "a")))
    assert inspection.decide(client()) is Decision.WAIT
    assert inspection.decide(client()) is Decision.REJECT
    assert script.acted == ["x", "x"]


def test_an_action_that_waits_goes_on_where_it_was() -> None:
    script = Script(a=[True], b=[None, True])
    inspection = Inspection((script.action("x"), script.action("y", "b", "a"), script.rule(False)))
    assert inspection.decide(client()) is Decision.WAIT
    assert script.acted == ["x"]
    assert inspection.decide(client()) is Decision.REJECT
    assert script.acted == ["x", "y"]
