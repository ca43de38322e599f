from __future__ import annotations

import pytest

from wproxy.config.checks import (
    AgentSettings,
    CheckClient,
    ConnectRule,
    ExpectRule,
    HealthCheck,
    Kind,
    Match,
    RequestRule,
    Rule,
    SendRule,
)
from wproxy.config.login import Login
from wproxy.policy.checks.http import HttpAnswer, HttpContent, HttpStatus
from wproxy.policy.checks.kinds import codes, plan_of, plan_of_agent, request
from wproxy.policy.checks.steps import Connect, Expect, Send
from wproxy.policy.checks.verdict import CheckStatus


def names(check: HealthCheck) -> list[str]:
    return [type(step).__name__ for step in plan_of(check).steps]


@pytest.mark.parametrize(
    ("check", "steps"),
    [
        (HealthCheck(), ["Connect"]),
        (HealthCheck(Kind.TCP), ["Connect"]),
        (HealthCheck(Kind.TCP, (SendRule(1, b"x"),)), ["Connect", "Send"]),
        (HealthCheck(Kind.TCP, (ConnectRule(1), SendRule(2, b"x"))), ["Connect", "Send"]),
        (HealthCheck(Kind.REDIS), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.HTTP), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.HTTP, (RequestRule(1, uri="/x"),)), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.HTTP, (ExpectRule(1, Match.STATUS, "200"),)), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.HTTP, (ConnectRule(1), RequestRule(2))), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.SMTP), ["Connect", "Expect", "Send", "Expect", "Send", "Expect"]),
        (HealthCheck(Kind.POSTGRESQL, client=CheckClient(user="u")), ["Connect", "Send", "Expect"]),
        (HealthCheck(Kind.MYSQL), ["Connect", "Expect"]),
        (HealthCheck(Kind.MYSQL, client=CheckClient(user="u")), ["Connect", "Send", "Expect", "Expect"]),
        (HealthCheck(Kind.LDAP), ["Connect", "Send", "Expect"]),
    ],
)
def test_what_no_rule_says_is_added(check: HealthCheck, steps: list[str]) -> None:
    assert names(check) == steps


def test_an_agent_is_asked_when_there_is_something_to_say() -> None:
    assert [type(step) for step in plan_of_agent(AgentSettings(1)).steps] == [Connect, Expect]
    assert plan_of_agent(AgentSettings(1, send=b"x")).steps[1] == Send(b"x")


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        (ConnectRule(1), " at step 1 of tcp-check (connect)"),
        (ConnectRule(2, port=80, comment="c"), " at step 2 of tcp-check (connect port 80) comment: 'c'"),
        (SendRule(3, b"x"), " at step 3 of tcp-check (send)"),
        (ExpectRule(4, Match.STRING, "x"), " at step 4 of tcp-check (expect string 'x')"),
        (ExpectRule(5, Match.REGEX, "x"), " at step 5 of tcp-check (expect regex)"),
        (ExpectRule(6, Match.BINARY, "2b002b"), " at step 6 of tcp-check (expect binary '+')"),
        (ExpectRule(7, Match.BINARY_REGEX, "2B"), " at step 7 of tcp-check (expect binary regex)"),
    ],
)
def test_places(rule: Rule, place: str) -> None:
    assert plan_of(HealthCheck(Kind.TCP, (ConnectRule(0), rule))).steps[1].where == place


def test_statuses_and_words_of_a_rule() -> None:
    rule = ExpectRule(1, Match.STRING, "x", False, -1, "L4OK", "L7STS", "L6TOUT", "good", "bad", "c")
    step = plan_of(HealthCheck(Kind.TCP, (rule,))).steps[1]
    assert isinstance(step, Expect)
    assert (step.passed, step.failed, step.timeout) == (CheckStatus.L4OK, CheckStatus.L7STS, CheckStatus.L6TOUT)
    assert (step.success, step.failure, step.comment) == ("good", "bad", " comment: c")


@pytest.mark.parametrize(
    ("match", "pattern", "kind"),
    [
        (Match.STATUS, "200", HttpStatus),
        (Match.STATUS_REGEX, "^2", HttpStatus),
        (Match.STRING, "a.c", HttpContent),
        (Match.REGEX, "a.c", HttpContent),
    ],
)
def test_matchers_of_http(match: Match, pattern: str, kind: type[HttpAnswer]) -> None:
    step = plan_of(HealthCheck(Kind.HTTP, (ExpectRule(1, match, pattern),))).steps[-1]
    assert isinstance(step, Expect)
    assert isinstance(step.matcher, kind)
    if isinstance(step.matcher, HttpContent):
        assert bool(step.matcher.pattern.search(b"abc")) is (match is Match.REGEX)


def test_codes() -> None:
    assert codes("200,300-302") == {200, 300, 301, 302}


USUAL = RequestRule(method="HEAD", uri="/y", version="HTTP/1.1", headers=(("Host", "h"),))


@pytest.mark.parametrize(
    ("rule", "usual", "text"),
    [
        (RequestRule(), RequestRule(), "OPTIONS / HTTP/1.0\r\n\r\n"),
        (RequestRule(), USUAL, "HEAD /y HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"),
        (
            RequestRule(method="POST", headers=(("Connection", "x"), ("Content-Length", "9")), body="é"),
            USUAL,
            "POST /y HTTP/1.1\r\nhost: h\r\nconnection: x\r\ncontent-length: 2\r\n\r\né",
        ),
    ],
)
def test_requests(rule: RequestRule, usual: RequestRule, text: str) -> None:
    assert request(rule, usual) == text.encode()


def test_the_first_request_takes_from_the_option_and_the_others_do_not() -> None:
    check = HealthCheck(Kind.HTTP, (ConnectRule(1), RequestRule(2), ConnectRule(3), RequestRule(4)), USUAL)
    sent = [step.data.split(b"\r\n")[0] for step in plan_of(check).steps if isinstance(step, Send)]
    assert sent == [b"HEAD /y HTTP/1.1", b"OPTIONS / HTTP/1.0"]


@pytest.mark.parametrize("kind", [Kind.TCP, Kind.HTTP])
def test_rules_of_the_other_kind_are_a_mistake_of_ours(kind: Kind) -> None:
    rule = RequestRule(1) if kind is Kind.TCP else SendRule(1, b"x")
    with pytest.raises(AssertionError):
        plan_of(HealthCheck(kind, (rule,)))


LOGIN = Login("app", "secret")


@pytest.mark.parametrize(
    ("kind", "login", "stores", "sent"),
    [
        (Kind.CONNECT, LOGIN, False, []),
        (Kind.CONNECT, None, True, [b"PING", b"ROLE"]),
        (Kind.REDIS, None, False, [b"PING"]),
        (Kind.REDIS, LOGIN, False, [b"AUTH", b"PING"]),
        (Kind.REDIS, LOGIN, True, [b"AUTH", b"PING", b"ROLE"]),
        (Kind.TCP, LOGIN, True, []),
    ],
)
def test_what_a_redis_is_asked(kind: Kind, login: Login | None, stores: bool, sent: list[bytes]) -> None:
    steps = plan_of(HealthCheck(kind), login, stores=stores).steps
    assert [step.data.split(b"\r\n")[2] for step in steps if isinstance(step, Send)] == sent
