from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import after, front, problem
from wproxy.config.acl.facts import SILENT


def test_variables() -> None:
    facts, _ = after(
        "http-request set-var(txn.a) path",
        "http-request set-var(txn.a,ifnotexists) method",
        'http-request set-var-fmt(txn.b) "<%[var(txn.a)]>"',
        "http-request set-var-fmt(txn.b,ifempty) x",
        "http-request set-var(txn.c) hdr(none)",
        "http-request unset-var(txn.text)",
        "http-request unset-var(txn.none)",
    )
    assert facts.variables == {"txn.number": 5, "txn.a": "/a/b", "txn.b": "</a/b>"}


def test_captured_values() -> None:
    facts, _ = after(
        "declare capture request len 2",
        "http-request capture method id 0",
        "http-request capture path len 3",
        "http-request capture hdr(none) len 3",
    )
    assert facts.captures == ["GE", "/a/", None]


def test_a_backend_fills_what_is_there() -> None:
    from wproxy.config.loader import parse

    text = "backend b\n mode http\n http-request capture path id 0\n http-response capture status id 0\n"
    [backend] = parse(text, "a.cfg", {}).backends
    assert backend.http is not None
    facts, _ = after("declare capture request len 2")
    backend.http.request_rules[0].act(facts)
    assert facts.captures == ["/a/b"]
    bare, _ = after()
    backend.http.request_rules[0].act(bare)
    assert bare.captures == []
    backend.http.response_rules[0].act(bare)
    assert bare.response_captures == []


@pytest.mark.parametrize(("name", "level"), [("silent", SILENT), ("emerg", 0), ("debug", 7)])
def test_levels(name: str, level: int) -> None:
    assert after(f"http-request set-log-level {name}")[0].log_level == level


def test_slots_are_counted() -> None:
    assert front("declare capture response len 3", "http-request capture path len 3").slots == (1, 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "http-request set-var path",
            "'http-request set-var' knows no action 'set-var'",
        ),
        (
            "http-request set-var() path",
            "'http-request set-var()' expects a variable in parentheses, such as set-var(txn.name), not 'set-var()'",
        ),
        (
            "http-request set-var(x.y) path",
            "'http-request set-var(x.y)' expects a variable such as txn.name, of sess, txn, req or res, not 'x.y'",
        ),
        (
            "http-request set-var(proc.y) path",
            "'http-request set-var(proc.y)' cannot use 'proc.y': variables of the process are not supported by wproxy",
        ),
        ("http-request set-var(txn.y,ifx) path", "'http-request set-var(txn.y,ifx)' knows no condition 'ifx'"),
        ("http-request set-var(txn.y)", "'http-request set-var(txn.y)' expects an expression such as req.hdr(host)"),
        (
            "http-request capture path",
            "'http-request capture' expects 'len <length>' or 'id <slot>' after the expression",
        ),
        (
            "http-request capture path id 1",
            "'http-request capture' has no slot 1: declare it before, by 'declare capture'",
        ),
        (
            "http-response capture status len 1",
            "'http-response capture' makes slots by 'len' for requests in frontends only; fill one by 'id'",
        ),
        ("http-request set-log-level loud", "'http-request set-log-level' knows no level 'loud'"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(line).startswith(message)
