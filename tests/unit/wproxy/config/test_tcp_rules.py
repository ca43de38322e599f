"""`tcp-request` lines of all three kinds: what they make, and what is wrong with them."""

from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts as client
from tests.unit.wproxy.config.acl.test_contents import HELLO, facts_of
from tests.unit.wproxy.config.http.exchange import http_facts
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config import model
from wproxy.config.http.model import Verdict
from wproxy.config.loader import parse
from wproxy.policy.inspection import Decision, Inspection

TABLE = "backend t\n stick-table type string len 30 size 5\n"


def loaded(*lines: str, mode: str = "tcp", backend: str = "") -> model.Config:
    rules = "".join(f" {line}\n" for line in lines)
    text = f"defaults\n mode {mode}\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n{TABLE}"
    return parse(f"{text}frontend f\n bind :1\n default_backend b\n{rules}backend b\n{backend}", "a.cfg", {})


def decided(data: bytes, *lines: str, final: bool = False) -> Decision:
    [frontend] = loaded("tcp-request inspect-delay 5s", *lines).frontends
    return Inspection(frontend.inspection.rules).decide(facts_of(data, final=final))


SNI = ("tcp-request content accept if { req.ssl_sni -i A.example }", "tcp-request content reject")


def test_rules_wait_for_what_they_ask() -> None:
    assert decided(HELLO[:99], *SNI) is Decision.WAIT
    assert decided(HELLO[:99], *SNI, final=True) is Decision.REJECT
    assert decided(HELLO, *SNI) is Decision.ACCEPT
    assert decided(b"GET", *SNI) is Decision.REJECT


@pytest.mark.parametrize(
    ("condition", "decision"),
    [
        ("if { req.len gt 2 }", Decision.REJECT),
        ("if { req.len gt 3 }", Decision.WAIT),
        ("unless { req.len gt 3 }", Decision.WAIT),
        ("unless { req.len gt 2 }", Decision.ACCEPT),
        ("if { req.len gt 3 } FALSE", Decision.WAIT),
        ("if FALSE { req.len gt 3 }", Decision.ACCEPT),
        ("if { req.len gt 3 } or TRUE", Decision.REJECT),
        ("if { req.len gt 3 } or FALSE", Decision.WAIT),
        ("if FALSE or FALSE", Decision.ACCEPT),
        ("if !{ req.len gt 2 }", Decision.ACCEPT),
        ("if TRUE TRUE REQ_CONTENT", Decision.REJECT),
        ("if WAIT_END", Decision.WAIT),
        ("if HTTP", Decision.WAIT),
        ("if { req.ssl_ver 3.1:3.3 }", Decision.ACCEPT),
    ],
)
def test_conditions_that_cannot_be_decided_yet(condition: str, decision: Decision) -> None:
    assert decided(b"abc", f"tcp-request content reject {condition}") is decision


def test_a_condition_that_nothing_is_there_to_answer() -> None:
    [frontend] = loaded("tcp-request content reject if { req.len gt 3 }").frontends
    [rule] = frontend.inspection.rules
    assert rule.condition is not None
    assert rule.condition(client()) is False


def test_what_is_tracked_or_captured_is_waited_for() -> None:
    lines = ("tcp-request content capture req.payload(0,4) len 2", "tcp-request content set-var(txn.x) req.len")
    [frontend] = loaded("tcp-request inspect-delay 5s", *lines).frontends
    assert (frontend.inspection.slots, frontend.inspection.delay_s) == (1, 5.0)
    inspection = Inspection(frontend.inspection.rules)
    facts = facts_of(b"abc")
    facts.captures = [None]
    assert inspection.decide(facts) is Decision.WAIT
    assert facts.contents is not None
    facts.contents.data = b"abcd"
    assert inspection.decide(facts) is Decision.ACCEPT
    assert (facts.captures, facts.variables) == (["ab"], {"txn.x": 4})
    facts.contents = None
    assert inspection.decide(facts) is Decision.ACCEPT


def test_what_is_known_from_the_beginning_is_not_waited_for() -> None:
    lines = ("tcp-request content track-sc0 src table t", "tcp-request content unset-var(txn.x)")
    assert [rule.ready for rule in loaded(*lines).frontends[0].inspection.rules] == [None, None]


def test_sessions() -> None:
    config = loaded("tcp-request session set-var(sess.x) src_port", "tcp-request session reject if { src_port 1 }")
    first, second = config.frontends[0].session_rules
    facts = client()
    assert first.act is not None
    first.act(facts)
    assert list(facts.variables) == ["sess.x"]
    assert (second.accepts, second.act) == (False, None)
    config = loaded("tcp-request session set-var(txn.x) src")
    assert config.frontends[0].session_rules == ()
    assert "only variables that begin with 'sess.'" in config.warnings[-1]


def test_mode_http_asks_when_the_head_is_there() -> None:
    lines = ("accept if { path / }", "reject", "set-var(txn.x) path")
    config = loaded(
        *(f"tcp-request content {line}" for line in lines), mode="http", backend=" tcp-request content reject"
    )
    front, back = config.frontends[0].http, config.backends[-1].http
    assert front is not None
    assert back is not None
    accept, reject, act = front.content_rules
    assert accept.act(http_facts()) is Verdict.ALLOW
    assert reject.act(http_facts()) is back.content_rules[0].act(http_facts())
    facts = http_facts()
    act.act(facts)
    assert "txn.x" in facts.variables


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("tcp-request session capture src len 3", "capture is not supported by wproxy"),
        ("tcp-request session track-sc0 req.len table t", "cannot ask for 'req.len' here"),
        ("tcp-request content silent-drop", "silent-drop is not supported by wproxy"),
        ("tcp-request content acept", "did you mean 'accept'?"),
        ("tcp-request content set-log-level silent", "cannot do 'set-log-level' but in 'mode http'"),
        ("tcp-request content capture req.len", "expects 'len <length>'"),
        ("tcp-request inspect-delay", "expects"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem in problem_of(f"{TABLE}frontend f\n bind :1\n {line}\n")


def test_backends_of_mode_redis_have_no_one_client() -> None:
    text = "backend b\n mode redis\n server s h:1\n tcp-request content reject\n"
    assert "is for frontends in 'mode redis'" in problem_of(text)


def test_who_does_not_wait_is_warned() -> None:
    line = "tcp-request content capture req.ssl_sni len 30"
    assert "finds only what has come by chance" in loaded(line).warnings[-1]
    assert "by chance" not in "".join(loaded(line, "tcp-request inspect-delay 1s").warnings)
