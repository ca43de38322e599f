from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.checks import CheckClient, ConnectRule, ExpectRule, HealthCheck, Kind, Match, RequestRule, SendRule
from wproxy.config.loader import parse


def check_of(text: str) -> HealthCheck:
    return parse(text, "a.cfg", {}).backends[0].check


def test_kinds() -> None:
    assert check_of("backend b\n").kind is Kind.CONNECT
    assert check_of("backend b\n option redis-check\n").kind is Kind.REDIS
    assert check_of("backend b\n option redis-check\n option tcp-check\n").kind is Kind.TCP


def test_rules_of_tcp_check() -> None:
    check = check_of(
        "backend b\n option tcp-check\n tcp-check comment first\n tcp-check connect\n tcp-check send a\\r\\n\n"
        " tcp-check send-binary 00\n tcp-check expect string b\n http-check expect status 200\n"
    )
    assert check.rules == (
        ConnectRule(2, comment="first"),
        SendRule(3, b"a\r\n"),
        SendRule(4, b"\0"),
        ExpectRule(5, Match.STRING, "b"),
    )


def test_rules_of_http_check() -> None:
    check = check_of(
        "backend b\n option httpchk\n http-check connect\n http-check send uri /x\n http-check comment c\n"
        " http-check expect status 200\n http-check disable-on-404\n"
    )
    assert check.rules == (ConnectRule(1), RequestRule(2, uri="/x"), ExpectRule(4, Match.STATUS, "200", comment="c"))
    assert check.disable_on_404


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("", RequestRule()),
        (" /x", RequestRule(uri="/x")),
        (" GET /x", RequestRule(0, "GET", "/x")),
        (" GET /x HTTP/1.1", RequestRule(0, "GET", "/x", "HTTP/1.1")),
        (" GET / HTTP/1.1\\r\\nHost:\\ w", RequestRule(0, "GET", "/", "HTTP/1.1", (("Host", "w"),))),
    ],
)
def test_httpchk(words: str, rule: RequestRule) -> None:
    assert check_of(f"backend b\n option httpchk{words}\n").request == rule


@pytest.mark.parametrize(
    ("words", "kind", "client"),
    [
        ("smtpchk", Kind.SMTP, CheckClient()),
        ("smtpchk EHLO a.b", Kind.SMTP, CheckClient("EHLO a.b")),
        ("smtpchk HELO a.b", Kind.SMTP, CheckClient("HELO a.b")),
        ("smtpchk LHLO a.b", Kind.SMTP, CheckClient()),
        ("smtpchk EHLO", Kind.SMTP, CheckClient()),
        ("pgsql-check user u", Kind.POSTGRESQL, CheckClient(user="u")),
        ("mysql-check", Kind.MYSQL, CheckClient()),
        ("mysql-check user u", Kind.MYSQL, CheckClient(user="u")),
        ("mysql-check user u post-41", Kind.MYSQL, CheckClient(user="u")),
        ("mysql-check user u pre-41", Kind.MYSQL, CheckClient(user="u", old=True)),
        ("ldap-check", Kind.LDAP, CheckClient()),
    ],
)
def test_checks_of_other_services(words: str, kind: Kind, client: CheckClient) -> None:
    check = check_of(f"backend b\n option {words}\n")
    assert (check.kind, check.client) == (kind, client)
    check = check_of(f"defaults\n option {words}\nbackend b\n")
    assert (check.kind, check.client) == (kind, client)


def test_the_last_line_counts_alone() -> None:
    text = "defaults\n option mysql-check user u pre-41\nbackend b\n option smtpchk HELO a\n option mysql-check\n"
    assert check_of(text) == HealthCheck(Kind.MYSQL)


@pytest.mark.parametrize("words", ["LHLO a.b", "EHLO", "ehlo a.b"])
def test_a_hello_that_is_not_said_is_warned_about(words: str) -> None:
    [warning] = parse(f"backend b\n option smtpchk {words}\n", "a.cfg", {}).warnings
    assert "'HELO localhost' is said instead" in warning


def test_hidden_headers_are_warned_about() -> None:
    [warning] = parse("backend b\n option httpchk GET / HTTP/1.0\\r\\nA:b\n", "a.cfg", {}).warnings
    assert "http-check send" in warning


def test_defaults_and_no() -> None:
    text = "defaults\n option log-health-checks\n option redis-check\nbackend b\n no option log-health-checks\n"
    assert check_of(text) == HealthCheck(Kind.REDIS)
    assert check_of(text.replace(" no option log-health-checks\n", "")).log_changes


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("option tcp-check x", "'option tcp-check' cannot handle unexpected argument 'x'"),
        ("option httpchk GET / FOO", "'option httpchk' expects a version such as HTTP/1.1, not 'FOO'"),
        ("tcp-check comment", "'tcp-check comment' expects a text"),
        (
            "http-check expect binary 00",
            "'http-check expect' knows 'status', 'rstatus', 'string', 'rstring', not 'binary'",
        ),
        (
            "option external-check",
            "HAProxy's keyword 'option external-check' is not supported by wproxy: wproxy starts no programs",
        ),
        (
            "option spop-check",
            "HAProxy's keyword 'option spop-check' is not supported by wproxy: wproxy checks by tcp-check, "
            "httpchk, redis-check, smtpchk, pgsql-check, mysql-check and ldap-check",
        ),
        ("option smtpchk HELO a b", "'option smtpchk' cannot handle unexpected argument 'b'"),
        ("option ldap-check x", "'option ldap-check' cannot handle unexpected argument 'x'"),
        ("no option ldap-check", "'no' cannot stand before 'option ldap-check'"),
        ("option pgsql-check", "'option pgsql-check' expects 'user <username>' as argument"),
        ("option pgsql-check user", "'option pgsql-check' expects 'user <username>' as argument"),
        ("option pgsql-check usr u", "'option pgsql-check' expects 'user <username>', not 'usr'"),
        ("option pgsql-check user u x", "'option pgsql-check' cannot handle unexpected argument 'x'"),
        ("option mysql-check usr u", "'option mysql-check' expects 'user <username>' or nothing, not 'usr'"),
        ("option mysql-check user", "'option mysql-check' expects a username after 'user'"),
        ("option mysql-check user u 41", "'option mysql-check' knows 'post-41' and 'pre-41', not '41'"),
        ("option mysql-check user u pre-41 x", "'option mysql-check' cannot handle unexpected argument 'x'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"backend b\n {line}") == problem
