from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse
from wproxy.config.model import StickKind, StickTable
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger

TAIL = "\nbackend back\n server a h:1\n"


def test_rules_stand_in_the_order_of_the_file() -> None:
    rules = " acl a src 10.0.0.1\n use_backend back if a\n use_backend back\n tcp-request connection reject"
    text = f"frontend f\n bind :1\n{rules}"
    [frontend] = parse(text + TAIL, "a.cfg", {}).frontends
    assert [(rule.backend, rule.condition is None, rule.location.line) for rule in frontend.switching] == [
        ("back", False, 4),
        ("back", True, 5),
    ]
    assert [(rule.accepts, rule.condition) for rule in frontend.connection_rules] == [(False, None)]


def test_named_defaults_pass_their_rules_on() -> None:
    text = "defaults d\n acl a src 10.0.0.1\n tcp-request connection accept if a\n"
    text += "frontend f from d\n bind :1\n use_backend back if a"
    [frontend] = parse(text + TAIL.replace("back\n", "back from d\n", 1), "a.cfg", {}).frontends
    assert (len(frontend.switching), len(frontend.connection_rules)) == (1, 1)


def test_a_disabled_proxy_is_not_looked_at() -> None:
    assert parse("frontend f\n disabled\n use_backend nope if nope", "a.cfg", {}).frontends[0].switching == ()


def test_a_rule_that_never_matches_is_worth_a_warning() -> None:
    warnings = parse("frontend f\n bind :1\n timeout client 1s\n acl a src", "a.cfg", {}).warnings
    assert warnings == (
        "[a.cfg:4] : 'acl' 'src' has no pattern and will never match; for mere existence write '-m found'",
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("acl a srcc 1", "'acl a' knows no fetch 'srcc'; did you mean 'src'?"),
        ("use_backend back if a", "'use_backend back' no such ACL: 'a'"),
        ("use_backend back when a", "'use_backend back' takes 'if' or 'unless' here, not 'when'"),
        ("use_backend bakc", "frontend 'f' : unable to find required use_backend: 'bakc'; did you mean 'back'?"),
        ("tcp-request connection reject if a", "'tcp-request connection reject' no such ACL: 'a'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"frontend f\n bind :1\n {line}{TAIL}") == problem


def test_the_mode_has_to_fit() -> None:
    text = "frontend f\n bind :1\n use_backend b\nbackend b\n mode redis\n"
    assert problem_of(text) == (
        "tcp frontend 'f' tries to use incompatible redis backend 'b' (a.cfg:4) as the backend of a 'use_backend' rule "
        "(see 'mode')."
    )


def test_connections_are_tracked() -> None:
    table = " stick-table type ip size 5\n acl a src 10.0.0.1\n"
    rules = " tcp-request connection track-sc0 src\n tcp-request connection track-sc1 src if a\n"
    [frontend] = parse(f"frontend f\n bind :1\n{table}{rules}" + TAIL, "a.cfg", {}).frontends
    first, second = frontend.connection_rules
    assert (first.accepts, first.condition, second.accepts) == (True, None, True)
    made = facts()
    made.process.tables = {  # type: ignore[misc] # of the made-up process
        "f": Ledger(LiveTable(StickTable("f", StickKind.IP, 5)), lambda: 9.0)
    }
    assert first.act is not None
    assert second.condition is not None
    first.act(made)
    assert [made.tracks_already(number) for number in (0, 1)] == [True, False]
    assert not second.condition(made)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("backend b\n server s h:1 sni nothing", "'server s' : 'sni' knows no fetch 'nothing'"),
        ("backend b\n mode redis\n server s h:1 sni ssl_fc_sni",
         "'server s' : 'sni' has to be str(<name>) here, not 'ssl_fc_sni'"),
    ],
)  # fmt: skip
def test_problems_of_sni(text: str, problem: str) -> None:
    assert problem_of(text) == problem
