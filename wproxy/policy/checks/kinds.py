"""Makes the plan of each kind of check out of what the configuration says: a row per kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from wproxy.config.checks import (
    AgentSettings,
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
from wproxy.policy.checks.agent import AgentLine
from wproxy.policy.checks.content import Content
from wproxy.policy.checks.http import HttpAnswer, HttpContent, HttpStatus
from wproxy.policy.checks.ldap import BIND, Bound
from wproxy.policy.checks.mysql import Packet
from wproxy.policy.checks.mysql import login as mysql_login
from wproxy.policy.checks.postgresql import Authentication, startup
from wproxy.policy.checks.redis import PING, ROLE, LoggedIn, Pong, Primary
from wproxy.policy.checks.smtp import QUIT, Greeting, HelloAnswer, QuitAnswer
from wproxy.policy.checks.steps import Connect, Expect, Matcher, Plan, Send, Step
from wproxy.policy.checks.verdict import STATUSES, CheckStatus

_PATTERN_SHOWN_MAX = 100  # HAProxy's messages are cut at some length, too
_REQUEST = RequestRule(method="OPTIONS", uri="/", version="HTTP/1.0")


def plan_of(check: HealthCheck, login: Login | None = None, *, stores: bool = False) -> Plan:
    """Return how a server is checked. One that `stores`, in mode redis, must be a primary that answers, too.

    `login` is used where Redis' protocol is spoken.
    """
    if check.kind is Kind.REDIS or (stores and check.kind is Kind.CONNECT):
        return _redis(login, stores=stores)
    return _KINDS[check.kind](check)


def plan_of_agent(agent: AgentSettings) -> Plan:
    """Return how an agent is asked."""
    question: tuple[Step, ...] = (Send(agent.send),) if agent.send else ()
    line = Expect(AgentLine(), empty=_empty(2))
    return Plan((Connect(), *question, line))


# -- option tcp-check --------------------------------------------------------------------------------------------------


def _connecting(check: HealthCheck) -> Plan:
    return Plan((Connect(),))


def _tcp(check: HealthCheck) -> Plan:
    steps = tuple(_tcp_step(rule) for rule in check.rules)
    if not steps or not isinstance(steps[0], Connect):
        steps = (Connect(where=" at initial connection step of tcp-check"), *steps)
    return Plan(steps, "(tcp-check)" if check.rules else "")


def _tcp_step(rule: Rule) -> Step:
    where = _where(rule)
    match rule:
        case ConnectRule():
            return Connect(rule.host, rule.port, rule.linger, where, rule.default, rule.ssl, rule.sni)
        case SendRule():
            return Send(rule.data, where)
        case ExpectRule():
            return _expect(rule, _content(rule), CheckStatus.L7RSP, where, _empty(rule.number))
        case _:
            raise AssertionError("a tcp-check has no request")


def _content(rule: ExpectRule) -> Content:
    pattern, place = rule.pattern.encode(), f"at step {rule.number}"
    match rule.match:
        case Match.STRING:
            shown = f"'{rule.pattern[:_PATTERN_SHOWN_MAX]}' {place}"
            return Content(re.compile(re.escape(pattern)), shown, rule.negated, min_recv=rule.min_recv)
        case Match.BINARY:
            exact = re.escape(bytes.fromhex(rule.pattern))
            return Content(re.compile(exact), f"(binary) {place}", rule.negated, min_recv=rule.min_recv)
        case Match.BINARY_REGEX:
            return Content(re.compile(pattern), f"(binary regex) {place}", rule.negated, True, rule.min_recv)
    return Content(re.compile(pattern), f"(regex) {place}", rule.negated, min_recv=rule.min_recv)


def _where(rule: Rule) -> str:
    """Return what HAProxy adds to errors about a step of a tcp-check."""
    match rule:
        case ConnectRule(port=port):
            what = f"connect port {port}" if port else "connect"
        case ExpectRule():
            what = f"expect {_expected(rule)}"
        case _:
            what = "send"
    comment = f" comment: '{rule.comment}'" if rule.comment else ""
    return f" at step {rule.number} of tcp-check ({what}){comment}"


def _expected(rule: ExpectRule) -> str:
    match rule.match:
        case Match.REGEX:
            return "regex"
        case Match.BINARY:
            shown = bytes.fromhex(rule.pattern).partition(b"\0")[0].decode(errors="replace")
            return f"binary '{shown}'"
        case Match.BINARY_REGEX:
            return "binary regex"
    return f"string '{rule.pattern[:_PATTERN_SHOWN_MAX]}'"


def _expect(rule: ExpectRule, matcher: Matcher, failed: CheckStatus, where: str, empty: str) -> Expect:
    return Expect(
        matcher,
        passed=STATUSES.get(rule.ok_status, CheckStatus.L7OK),
        failed=STATUSES.get(rule.error_status, failed),
        timeout=STATUSES.get(rule.timeout_status, CheckStatus.L7TOUT),
        success=rule.on_success,
        failure=rule.on_error,
        comment=f" comment: {rule.comment}" if rule.comment else "",
        empty=empty,
        where=where,
    )


def _empty(number: int) -> str:
    return f"TCPCHK got an empty response at step {number}"


# -- option redis-check ------------------------------------------------------------------------------------------------


def _redis(login: Login | None, *, stores: bool) -> Plan:
    asked: list[tuple[bytes, Matcher]] = [(PING, Pong())]
    if login is not None:
        from wproxy.policy.redis.access import auth  # only here, where mode redis has loaded its protocol already

        asked.insert(0, (auth(login), LoggedIn()))
    if stores:
        asked.append((ROLE, Primary()))
    steps: list[Step] = [Connect()]
    for question, answer in asked:
        steps += Send(question), Expect(answer, failed=CheckStatus.L7STS, empty=_empty(len(steps) + 1))
    return Plan(tuple(steps))


# -- option smtpchk, pgsql-check, mysql-check, ldap-check --------------------------------------------------------------


def _smtp(check: HealthCheck) -> Plan:
    wrong = CheckStatus.L7STS
    return Plan(
        (
            Connect(linger=True),
            Expect(Greeting(), failed=CheckStatus.L7RSP, empty=_empty(2)),
            Send(f"{check.client.hello}\r\n".encode("utf-8", "surrogateescape")),
            Expect(HelloAnswer(), failed=wrong, empty=_empty(5)),
            Send(QUIT),
            Expect(QuitAnswer(), failed=wrong, empty=_empty(7)),
        )
    )


def _postgresql(check: HealthCheck) -> Plan:
    return Plan((Connect(linger=True), Send(startup(check.client.user)), Expect(Authentication(), empty=_empty(3))))


def _mysql(check: HealthCheck) -> Plan:
    client = check.client
    if not client.user:
        return Plan((Connect(linger=True), Expect(Packet(), empty=_empty(2))))
    question = Send(mysql_login(client.user, old=client.old))
    return Plan((Connect(linger=True), question, Expect(Packet(), empty=_empty(3)), Expect(Packet(1))))


def _ldap(check: HealthCheck) -> Plan:
    return Plan((Connect(), Send(BIND), Expect(Bound(), empty=_empty(2))))


# -- option httpchk ----------------------------------------------------------------------------------------------------


def _http(check: HealthCheck) -> Plan:
    """Return the rules' steps, with what HAProxy adds where they do not say it: connect, send, expect."""
    steps = list(_http_steps(check))
    if not steps or not isinstance(steps[0], Connect):
        steps.insert(0, Connect())
    if not any(isinstance(step, Send) for step in steps):
        steps.insert(1, Send(request(check.request, _REQUEST)))
    if not isinstance(steps[-1], Expect):
        steps.append(Expect(HttpAnswer(check.disable_on_404)))
    return Plan(tuple(steps))


def _http_steps(check: HealthCheck) -> Iterator[Step]:
    # The first request takes from the option's line what it does not say itself.
    usual = check.request
    for rule in check.rules:
        match rule:
            case ConnectRule():
                yield Connect(rule.host, rule.port, rule.linger, default=rule.default, ssl=rule.ssl, sni=rule.sni)
            case RequestRule():
                yield Send(request(rule, usual))
                usual = _REQUEST
            case ExpectRule():
                yield _expect(rule, _http_matcher(rule, check.disable_on_404), CheckStatus.L7RSP, "", "")
            case _:
                raise AssertionError("an http-check sends requests")


def _http_matcher(rule: ExpectRule, disable_on_404: bool) -> Matcher:
    match rule.match:
        case Match.STATUS:
            return HttpStatus(disable_on_404, codes(rule.pattern), rule.negated)
        case Match.STATUS_REGEX:
            return HttpStatus(disable_on_404, re.compile(rule.pattern), rule.negated)
    pattern = rule.pattern.encode()
    return HttpContent(
        disable_on_404, re.compile(re.escape(pattern) if rule.match is Match.STRING else pattern), rule.negated
    )


def codes(text: str) -> frozenset[int]:
    """Return the statuses of a list such as `200,300-310`."""
    ranges = [part.partition("-") for part in text.split(",")]
    return frozenset(code for low, _, high in ranges for code in range(int(low), int(high or low) + 1))


def request(rule: RequestRule, usual: RequestRule) -> bytes:
    """Return the request of `rule`; what it leaves open is as in `usual`, then as HAProxy's own."""
    method = rule.method or usual.method or _REQUEST.method
    uri = rule.uri or usual.uri or _REQUEST.uri
    version = rule.version or usual.version or _REQUEST.version or ""
    body = rule.body.encode()
    lines = [f"{method} {uri} {version}", *_headers((*usual.headers, *rule.headers), len(body), version)]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _headers(named: Sequence[tuple[str, str]], body_bytes: int, version: str) -> Iterator[str]:
    names = {name.lower() for name, _ in named}
    for name, value in named:
        if name.lower() not in ("content-length", "transfer-encoding"):  # the proxy's own to say
            yield f"{name.lower()}: {value}"
    if body_bytes:
        yield f"content-length: {body_bytes}"
    if version >= "HTTP/1.1" and "connection" not in names:
        yield "connection: close"


_KINDS: Mapping[Kind, Callable[[HealthCheck], Plan]] = {
    Kind.CONNECT: _connecting,
    Kind.TCP: _tcp,
    Kind.HTTP: _http,
    Kind.SMTP: _smtp,
    Kind.POSTGRESQL: _postgresql,
    Kind.MYSQL: _mysql,
    Kind.LDAP: _ldap,
}
