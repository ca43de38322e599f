"""What the keywords of health checks write to while a section is read."""

from __future__ import annotations

from dataclasses import field, replace

from wproxy.config.checks import CheckClient, ConnectRule, HealthCheck, Kind, RequestRule, Rule
from wproxy.config.values import ArgumentError
from wproxy.records import dataclass


@dataclass(slots=True)
class CheckDraft:
    """The checks of one section. Rules of its own replace those it has inherited, kind by kind."""

    kind: Kind = Kind.CONNECT
    request: RequestRule = field(default_factory=RequestRule)
    client: CheckClient = field(default_factory=CheckClient)
    disable_on_404: bool = False
    log_changes: bool = False
    comment: str = ""  # of the line before, for the next rule
    rules: dict[Kind, tuple[Rule, ...]] = field(default_factory=dict)
    numbers: dict[Kind, int] = field(default_factory=dict)  # how many lines of its own each kind has so far

    def child(self) -> CheckDraft:
        """Return the draft of a section that inherits from this one."""
        return replace(self, comment="", rules=dict(self.rules), numbers={})

    def next_number(self, kind: Kind) -> int:
        """Count a line of `kind`; the first one of a section forgets those it has inherited."""
        if kind not in self.numbers:
            self.rules[kind] = ()
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return self.numbers[kind]

    def add(self, kind: Kind, rule: Rule) -> None:
        """Append `rule`, with the comment of the line before unless it has its own; raise ArgumentError."""
        if isinstance(rule, ConnectRule) and self.rules[kind] and not isinstance(self.rules[kind][0], ConnectRule):
            raise ArgumentError("cannot follow other rules unless the first of them is a 'connect', too")
        if self.comment and not rule.comment:
            rule = replace(rule, comment=self.comment)
        self.comment = ""
        self.rules[kind] = (*self.rules[kind], rule)

    def built(self) -> HealthCheck:
        """Return what the section says."""
        return HealthCheck(
            self.kind,
            self.rules.get(self.kind, ()),
            self.request,
            self.disable_on_404,
            self.log_changes,
            self.client,
        )
