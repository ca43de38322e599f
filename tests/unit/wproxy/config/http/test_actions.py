from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import after, front, problem
from wproxy.config.http.actions import ACTIONS, HAPROXY_ONLY, WITHOUT_EFFECT
from wproxy.config.loader import parse


def test_no_name_is_both_done_and_not() -> None:
    assert not ACTIONS.keys() & WITHOUT_EFFECT.keys()
    assert not [name for name in ACTIONS if name.startswith(HAPROXY_ONLY)]


def test_what_has_no_effect_is_told() -> None:
    text = "frontend f\n mode http\n bind :1\n timeout client 1s\n"
    text += " http-request set-nice 1\n http-request set-tos 1\n"
    config = parse(text, "a.cfg", {})
    assert config.warnings == (
        "[a.cfg:5] : 'http-request' set-nice has no effect in wproxy",
        "[a.cfg:6] : 'http-request' set-tos has no effect in wproxy",
    )
    assert config.frontends[0].http is not None
    assert config.frontends[0].http.request_rules == ()


def test_conditions_decide() -> None:
    facts, _ = after("acl a path_beg /a", "http-request set-header x 1 if a", "http-request set-header y 1 unless a")
    assert (facts.request.values(b"x"), facts.request.values(b"y")) == ([b"1"], [])


def test_lines_of_the_two_sides() -> None:
    made = front("http-request allow", "http-response allow", "redirect location /", "http-request deny")
    assert (len(made.request_rules), len(made.response_rules)) == (3, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "http-request set-headr a b",
            "'http-request set-headr' knows no action 'set-headr'; did you mean 'set-header'?",
        ),
        ("http-response set-path /", "'http-response set-path' knows no action 'set-path'; did you mean 'set-var'?"),
        ("http-request reject", "'http-request reject' cannot do HAProxy's 'reject', which is not supported by wproxy"),
        ("http-request deny when x", "'http-request deny' knows no argument 'when'"),
        ("http-request allow when x", "'http-request allow' expects 'if' or 'unless' and a condition, not 'when'"),
        ("http-request", "'http-request' expects an action such as deny"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(line) == message
