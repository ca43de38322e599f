"""The keywords of health checks: the `option` that chooses a kind, `tcp-check`, `http-check` (manual, section 4.2)."""

from __future__ import annotations

from wproxy.config.check_rules import connect_rule, expect_rule, header_lines, request_rule, send_rule
from wproxy.config.checks import CheckClient, ExpectRule, Kind, Match, RequestRule, Rule
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Action, Keyword, Report, Section, Statement, at_most, done, ignored, refused, single
from wproxy.config.values import ArgumentError

_BACK = (Section.DEFAULTS, Section.LISTEN, Section.BACKEND)
_VERSION = "HTTP/"
_HELLOS = ("HELO", "EHLO")

TCP_MATCHES = (Match.STRING, Match.REGEX, Match.BINARY, Match.BINARY_REGEX)
HTTP_MATCHES = (Match.STATUS, Match.STATUS_REGEX, Match.STRING, Match.REGEX)


def _chooses(kind: Kind) -> Action:
    def choose(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        at_most(statement, 0)
        proxy.check.kind = kind

    return choose


def _httpchk(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """`option httpchk [[method] uri [version]]`; headers may hide after the version, which HAProxy calls deprecated."""
    at_most(statement, 3)
    method, uri, version = {
        0: (None, None, None),
        1: (None, *statement.arguments, None),
        2: (*statement.arguments, None),
    }.get(len(statement.arguments), statement.arguments)
    version, _, lines = (version or "").partition("\r\n")
    if version and not version.startswith(_VERSION):
        raise ArgumentError(f"expects a version such as HTTP/1.1, not '{version}'")
    if lines:
        report.warn(
            statement.location, "'option httpchk' : headers after the version: write 'http-check send' instead."
        )
    proxy.check.kind = Kind.HTTP
    proxy.check.request = RequestRule(0, method, uri, version or None, header_lines(lines))


def _smtpchk(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """`option smtpchk [<hello> <domain>]`; what is neither HELO nor EHLO with a domain is not said, as in HAProxy."""
    at_most(statement, 2)
    hello, domain = (*statement.arguments, "", "")[:2]
    proxy.check.kind = Kind.SMTP
    proxy.check.client = CheckClient()
    if hello in _HELLOS and domain:
        proxy.check.client = CheckClient(f"{hello} {domain}")
    elif statement.arguments:
        report.warn(
            statement.location,
            f"'{statement.keyword}' expects HELO or EHLO and a domain: 'HELO localhost' is said instead.",
        )


def _pgsql(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """`option pgsql-check user <username>`."""
    at_most(statement, 2)
    word, user = (*statement.arguments, "", "")[:2]
    if not word or (word == "user" and not user):
        raise ArgumentError("expects 'user <username>' as argument")
    if word != "user":
        raise ArgumentError(f"expects 'user <username>', not '{word}'")
    proxy.check.kind = Kind.POSTGRESQL
    proxy.check.client = CheckClient(user=user)


def _mysql(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    """`option mysql-check [user <username> [post-41 | pre-41]]`."""
    at_most(statement, 3)
    word, user, version = (*statement.arguments, "", "", "")[:3]
    if word not in ("", "user"):
        raise ArgumentError(f"expects 'user <username>' or nothing, not '{word}'")
    if word and not user:
        raise ArgumentError("expects a username after 'user'")
    if version not in ("", "post-41", "pre-41"):
        raise ArgumentError(f"knows 'post-41' and 'pre-41', not '{version}'")
    proxy.check.kind = Kind.MYSQL
    proxy.check.client = CheckClient(user=user, old=version == "pre-41")


def _adds_tcp(read: str) -> Action:
    def add(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        number = proxy.check.next_number(Kind.TCP)
        rule: Rule
        match read:
            case "connect":
                rule = connect_rule(statement.arguments, number)
            case "send":
                rule = send_rule(statement.arguments, number)
            case "send-binary":
                rule = send_rule(statement.arguments, number, binary=True)
            case _:
                rule = expect_rule(statement.arguments, number, TCP_MATCHES)
        proxy.check.add(Kind.TCP, rule)

    return add


def _http_connect(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.check.add(Kind.HTTP, connect_rule(statement.arguments, proxy.check.next_number(Kind.HTTP)))


def _http_send(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    proxy.check.add(Kind.HTTP, request_rule(statement.arguments, proxy.check.next_number(Kind.HTTP)))


def _http_expect(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    rule: ExpectRule = expect_rule(statement.arguments, proxy.check.next_number(Kind.HTTP), HTTP_MATCHES)
    proxy.check.add(Kind.HTTP, rule)


def _comments(kind: Kind) -> Action:
    def comment(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        proxy.check.next_number(kind)
        proxy.check.comment = single(statement, "a text")

    return comment


def _disable_on_404(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
    at_most(statement, 0)
    proxy.check.disable_on_404 = True


def _logs(on: bool) -> Action:
    def log(proxy: ProxyDraft, statement: Statement, report: Report) -> None:
        at_most(statement, 0)
        proxy.check.log_changes = on

    return log


CHECK_OPTIONS: tuple[Keyword, ...] = (
    done("option tcp-check", _BACK, _chooses(Kind.TCP), "check as the `tcp-check` lines say", "4.2"),
    done(
        "option redis-check",
        _BACK,
        _chooses(Kind.REDIS),
        "PING has to be answered with +PONG; any other answer fails at once, in the server's words",
        "4.2",
    ),
    done(
        "option httpchk",
        _BACK,
        _httpchk,
        "an HTTP request `[[method] uri [version]]` (default OPTIONS / HTTP/1.0) has to be answered with 2xx or 3xx",
        "4.2",
    ),
    done(
        "option log-health-checks",
        _BACK,
        _logs(True),
        "tell every change of a check's result",
        "4.2",
        undo=_logs(False),
    ),
    done(
        "option smtpchk",
        _BACK,
        _smtpchk,
        "greeting, `HELO localhost` or `[<hello> <domain>]`, and QUIT have to be answered with 2xx; whole lines are "
        "awaited, and a refused HELO fails at once",
        "4.2",
    ),
    done(
        "option pgsql-check",
        _BACK,
        _pgsql,
        "PostgreSQL has to answer `user <username>` with a request for a password, or with none",
        "4.2",
    ),
    done(
        "option mysql-check",
        _BACK,
        _mysql,
        "MySQL or MariaDB has to greet and, with `user <username>`, to let that user in without a password; `pre-41`, "
        "`post-41`",
        "4.2",
    ),
    done("option ldap-check", _BACK, _chooses(Kind.LDAP), "an anonymous LDAPv3 bind has to succeed", "4.2"),
    *refused(
        "option spop-check, option ssl-hello-chk",
        _BACK,
        "wproxy checks by tcp-check, httpchk, redis-check, smtpchk, pgsql-check, mysql-check and ldap-check",
        "4.2",
    ),
    *refused("option external-check", _BACK, "wproxy starts no programs", "4.2"),
)

CHECK_RULES: tuple[Keyword, ...] = (
    done("tcp-check comment", _BACK, _comments(Kind.TCP), "what to add to errors of the next rule", "4.2"),
    done("tcp-check connect", _BACK, _adds_tcp("connect"), "connect: port, addr, linger, comment", "4.2"),
    done("tcp-check send", _BACK, _adds_tcp("send"), "send a text; comment", "4.2"),
    done("tcp-check send-binary", _BACK, _adds_tcp("send-binary"), "send bytes in hexadecimal; comment", "4.2"),
    done(
        "tcp-check expect",
        _BACK,
        _adds_tcp("expect"),
        "`[!] string, rstring, binary or rbinary`; comment, min-recv, ok-, error-, tout-status, on-success, on-error",
        "4.2",
    ),
    *refused(
        "tcp-check send-lf, tcp-check send-binary-lf, tcp-check set-var, tcp-check set-var-fmt, tcp-check unset-var",
        _BACK,
        "wproxy's checks have no variables",
        "4.2",
    ),
    done("http-check comment", _BACK, _comments(Kind.HTTP), "what to add to errors of the next rule", "4.2"),
    done("http-check connect", _BACK, _http_connect, "connect: port, addr, linger, comment", "4.2"),
    done("http-check send", _BACK, _http_send, "ask: meth, uri, ver, hdr, body, comment", "4.2"),
    done(
        "http-check expect",
        _BACK,
        _http_expect,
        "`[!] status, rstatus, string or rstring`; comment, ok-, error- and tout-status, on-success, on-error",
        "4.2",
    ),
    done("http-check disable-on-404", _BACK, _disable_on_404, "404 takes no new sessions, and keeps the old", "4.2"),
    *ignored("http-check send-state", _BACK, "tells the server how HAProxy sees it", "4.2"),
    *refused("http-check set-var, http-check set-var-fmt, http-check unset-var", _BACK, "", "4.2"),
    *refused("external-check command, external-check path", _BACK, "wproxy starts no programs", "4.2"),
)
