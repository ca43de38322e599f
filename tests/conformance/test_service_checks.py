"""Health checks of mail servers, PostgreSQL, MySQL and LDAP: what is sent, what is shown, and how it is hung up.

Silence is told from an answer that is late by `timeout check` of one second or of a time that no test takes.
"""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.support.certificates import for_host
from tests.support.check_cases import DEAD, FULL, Case, Observed, observe
from tests.support.check_server import Script
from tests.support.programs import need
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.checks import Kind
from wproxy.config.loader import parse

SMTP, LDAP = "option smtpchk", "option ldap-check"
POSTGRESQL, MYSQL = "option pgsql-check user bob", "option mysql-check"
MYSQL_USER, MYSQL_OLD = "option mysql-check user bob", "option mysql-check user bob pre-41"

CHECK = "inter 2s"
PATIENT, HASTY = "timeout check 30s", "timeout check 1s"


def said(option: str, *replies: bytes, banner: bytes = b"", end: str = "hold", slowly: bool = False) -> Case:
    """A server whose answers decide."""
    return Case((option, PATIENT), Script(replies, banner, end, slowly))


def unsaid(option: str, *replies: bytes, banner: bytes = b"") -> Case:
    """A server that does not say what is awaited."""
    return Case((option, HASTY), Script(replies, banner, "hold"))


# -- mail --------------------------------------------------------------------------------------------------------------

HI, FINE, BYE = b"220 mail ready\r\n", b"250 fine\r\n", b"221 bye now\r\n"
MANY = b"250-fine\r\n250-SIZE 1000\r\n250 HELP\r\n"


def mail(*replies: bytes, words: str = "", banner: bytes = HI, end: str = "hold") -> Case:
    return said(f"{SMTP} {words}", *replies, banner=banner, end=end)


def mail_cases() -> Iterator[tuple[str, Case]]:
    yield "ok", mail(FINE, BYE)
    yield "ok-closed", mail(FINE, BYE, end="close")
    yield "helo", mail(FINE, BYE, words="HELO my.example")
    yield "ehlo", mail(MANY, BYE, words="EHLO my.example")
    yield "ehlo-letters", mail(MANY, BYE, words="EHLO 'f\u00fc\u00df %[src] %%b'")
    for number, words in enumerate(("HELO", "EHLO", "ehlo my.example", "LHLO my.example", "'' a", "HELO ''", "x")):
        yield f"hello-{number}", mail(FINE, BYE, words=words)
    for number, line in enumerate(
        (b"220\r\n", b"220 x\n", b"220\rx\r\n", b"250 x\r\n", b"554 go away\r\n", b"421   busy  \r\nmore",
         b"220-a\r\n220 b\r\n", b"554-a\r\n554 b\r\n", b"220\n", b"220\tx\r\n", b"2200 x\r\n", b"garbage\r\n",
         b"554 f\xc3\xbcr,\"<dich>\"\x1b[0m\x7f\r\n", b"554 a\0b\r\n", b"554 " + b"x" * 300 + b"\r\n",
         b"SSH-2.0-x\r\n", b"* OK IMAP4\r\n")
    ):  # fmt: skip
        yield f"banner-{number}", mail(FINE, BYE, banner=line)
    for cut in range(4):
        yield f"banner-cut-{cut}", said(SMTP, banner=HI[:cut], end="close")
    yield "banner-cut-held", unsaid(SMTP, banner=b"22")
    yield "banner-none", unsaid(SMTP)
    for number, line in enumerate((MANY, b"221 early\r\n", b"250-\r\n250\r\n", b"250-a\r\n220 b\r\n", b"250\rx\r\n")):
        yield f"hello-passes-{number}", mail(line, BYE)
    for number, line in enumerate(
        (b"501 bad\r\n", b"501-a\r\n501 b\r\n", b"garbage\r\n", b"25a   b\r\n", b"12 x\r\n", b"354 go\r\n")
    ):
        yield f"hello-fails-{number}", mail(line, end="close")
    for cut in range(4):
        yield f"hello-cut-{cut}", mail(FINE[:cut], end="close")
    for cut in (10, 12, 16, 26, 28):
        yield f"hello-cut-{cut}", mail(MANY[:cut], end="close")
    yield "hello-cut-held", unsaid(SMTP, MANY[:-9], banner=HI)
    yield "hello-unsaid", unsaid(SMTP, banner=HI)
    yield "hello-reset", mail(b"", end="reset")
    for number, line in enumerate(
        (b"221-a\r\n221 b\r\n", b"221\r\n", b"250    ok  \r\n", b"500 what\r\n", b"garbage\r\n", b"221 x\n")
    ):
        yield f"quit-{number}", mail(FINE, line)
    for cut in range(len(BYE)):
        yield f"quit-cut-{cut}", mail(FINE, BYE[:cut], end="close")
    yield "quit-unsaid", unsaid(SMTP, FINE, banner=HI)
    yield "quit-reset", mail(FINE, b"", end="reset")
    yield "quit-cut-reset", mail(FINE, b"500 x", end="reset")


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def authentication(kind: int, more: bytes = b"") -> bytes:
    return b"R" + (8 + len(more)).to_bytes(4, "big") + kind.to_bytes(4, "big") + more


def postgresql_error(*fields: bytes) -> bytes:
    body = b"".join(field + b"\0" for field in (*fields, b""))
    return b"E" + (4 + len(body)).to_bytes(4, "big") + body


LET_IN = authentication(0) + b"Z\0\0\0\5I"
SASL = authentication(10, b"SCRAM-SHA-256\0\0")
NO_ROLE = postgresql_error(b"SFATAL", b"VFATAL", b"C28000", b'Mrole "bob" does not exist')


def postgresql_cases() -> Iterator[tuple[str, Case]]:
    yield "ok", said(POSTGRESQL, LET_IN)
    yield "ok-closed", said(POSTGRESQL, LET_IN, end="close")
    yield "slowly", said(POSTGRESQL, SASL, slowly=True)
    for number, user in enumerate(("'a %[src] %%b'", "f\u00fc\u00df", "n" * 300)):
        yield f"user-{number}", said(f"option pgsql-check user {user}", LET_IN)
    for kind in range(14):
        yield f"kind-{kind}", said(POSTGRESQL, authentication(kind, b"salt"))
    yield "length-255", said(POSTGRESQL, authentication(10, b"x" * 247))
    yield "length-256", said(POSTGRESQL, authentication(10, b"x" * 248))
    yield "error", said(POSTGRESQL, NO_ROLE)
    yield "error-closed", said(POSTGRESQL, NO_ROLE, end="close")
    yield "error-long", said(POSTGRESQL, postgresql_error(b"S" + b"x" * 300))
    yield "error-letters", said(POSTGRESQL, postgresql_error(b'SF\xc3\x9cR "<b>"\x1b[0m'))
    yield "error-text", said(POSTGRESQL, b"ERROR: no postgres\r\n")
    for cut in (1, 3, 5, 6, 7, 9):
        yield f"error-cut-{cut}", said(POSTGRESQL, NO_ROLE[:cut], end="close")
    for cut in range(9):
        yield f"cut-{cut}", said(POSTGRESQL, LET_IN[:cut], end="close")
    yield "cut-held", unsaid(POSTGRESQL, LET_IN[:8])
    yield "cut-reset", said(POSTGRESQL, LET_IN[:8], end="reset")
    yield "silent", unsaid(POSTGRESQL)
    yield "reset", said(POSTGRESQL, b"", end="reset")
    for number, data in enumerate(
        (b"garbage and more", b"N\0\0\0\5abcdefgh", b"HTTP/1.0 400 Bad\r\n\r\n", b"x" * 30000)
    ):
        yield f"other-{number}", said(POSTGRESQL, data, end="close")


# -- MySQL -------------------------------------------------------------------------------------------------------------


def packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes([number]) + body


GREETING = packet(
    0,
    b"\x0a5.5.5-10.11.4-MariaDB\0" + b"\7\0\0\0abcdefgh\0\xff\xf7\x08\2\0\xff\x81\x15" + bytes(10) + b"ijklmnopqrst\0",
)
LOGGED_IN = packet(2, b"\0\0\0\2\0\0\0")
DENIED = packet(2, b"\xff\x15\x04#28000Access denied for user 'bob'@'h' (using password: NO)")
NOT_ALLOWED = packet(0, b"\xff\x6a\4Host '10.0.0.1' is not allowed to connect to this MySQL server")


def mysql_cases() -> Iterator[tuple[str, Case]]:
    yield "ok", said(MYSQL, banner=GREETING)
    yield "ok-closed", said(MYSQL, banner=GREETING, end="close")
    yield "slowly", said(MYSQL, banner=GREETING, slowly=True)
    yield "old-protocol", said(MYSQL, banner=packet(0, b"\x093.22\0abc"))
    yield "not-allowed", said(MYSQL, banner=NOT_ALLOWED)
    yield "not-allowed-closed", said(MYSQL, banner=NOT_ALLOWED, end="close")
    yield "not-allowed-slowly", said(MYSQL, banner=NOT_ALLOWED, slowly=True)
    yield "error-long", said(MYSQL, banner=packet(0, b"\xff\1\2" + b"x" * 300))
    yield "error-letters", said(MYSQL, banner=packet(0, b'\xff\1\2f\xc3\xbcr, "<b>"\x1b[0m\0more'))
    yield "error-no-text", said(MYSQL, banner=packet(0, b"\xff\1\2"))
    yield "empty-packet", said(MYSQL, banner=packet(0, b""))
    for cut in (0, 2, 3, 4, 5, 6, 30, len(GREETING) - 1):
        yield f"cut-{cut}", said(MYSQL, banner=GREETING[:cut], end="close")
    yield "cut-held", unsaid(MYSQL, banner=GREETING[:30])
    yield "silent", unsaid(MYSQL)
    for number, data in enumerate((b"220 mail\r\n", b"garbage and more", b"\xff\xff\xff\0\x0a" + b"x" * 30000)):
        yield f"other-{number}", said(MYSQL, banner=data, end="close")
    yield "other-held", unsaid(MYSQL, banner=b"220 mail\r\n")
    for name, option in ("new", MYSQL_USER), ("post", f"{MYSQL_USER} post-41"), ("old", MYSQL_OLD):
        yield f"{name}-ok", said(option, LOGGED_IN, banner=GREETING)
        yield f"{name}-ok-closed", said(option, LOGGED_IN, banner=GREETING, end="close")
        yield f"{name}-slowly", said(option, LOGGED_IN, banner=GREETING, slowly=True)
        yield f"{name}-denied", said(option, DENIED, banner=GREETING)
        yield f"{name}-denied-slowly", said(option, DENIED, banner=GREETING, slowly=True)
        yield f"{name}-not-allowed", said(option, NOT_ALLOWED, end="close")
        yield f"{name}-switch", said(option, packet(2, b"\xfemysql_native_password\0salt\0"), banner=GREETING)
        yield f"{name}-more", said(option, packet(2, b"\1\4"), banner=GREETING)
        yield f"{name}-silent", unsaid(option, banner=GREETING)
        yield f"{name}-closed", said(option, b"", end="close")
        yield f"{name}-reset", said(option, b"", end="reset")
        for cut in (1, 4, 5, len(LOGGED_IN) - 1):
            yield f"{name}-cut-{cut}", said(option, GREETING + LOGGED_IN[:cut], end="close")
        yield f"{name}-cut-reset", said(option, GREETING + LOGGED_IN[:6], end="reset")
        yield f"{name}-cut-held", unsaid(option, LOGGED_IN[:5], banner=GREETING)
    for number, user in enumerate(("'a %[src] %%b'", "f\u00fc\u00df", "n" * 300)):
        yield f"user-{number}", said(f"option mysql-check user {user}", LOGGED_IN, banner=GREETING)
        yield f"old-user-{number}", said(f"option mysql-check user {user} pre-41", LOGGED_IN, banner=GREETING)


# -- LDAP --------------------------------------------------------------------------------------------------------------


def bound(result: int = 0, text: bytes = b"", outer: int = 0, inner: int = 0) -> bytes:
    """Return the answer to a bind; `outer` and `inner` are how many bytes its lengths are written with."""
    body = b"\x0a\1" + bytes([result]) + b"\4\0\4" + bytes([len(text)]) + text
    return _put(b"\x30", outer, b"\2\1\1" + _put(b"\x61", inner, body))


def _put(tag: bytes, size: int, body: bytes) -> bytes:
    return tag + (bytes([0x80 | size]) + len(body).to_bytes(size, "big") if size else bytes([len(body)])) + body


def ldap_cases() -> Iterator[tuple[str, Case]]:
    yield "ok", said(LDAP, bound())
    yield "ok-closed", said(LDAP, bound(), end="close")
    yield "slowly", said(LDAP, bound(), slowly=True)
    for result in (1, 2, 8, 48, 49, 53, 80, 127):
        yield f"result-{result}", said(LDAP, bound(result, b"why not"))
    yield "result-slowly", said(LDAP, bound(49, b"why not"), slowly=True)
    for outer in (0, 2, 4, 5):
        for inner in range(5):
            yield f"length-{outer}{inner}", said(LDAP, bound(0, b"hi", outer, inner))
            yield f"length-{outer}{inner}-49", said(LDAP, bound(49, b"", outer, inner))
    for cut in range(len(bound())):
        yield f"cut-{cut}", said(LDAP, bound()[:cut], end="close")
    longer = bound(49, b"why not")
    for cut in range(14, len(longer)):
        yield f"longer-cut-{cut}", said(LDAP, longer[:cut], end="close")
    yield "cut-held", unsaid(LDAP, bound()[:13])
    yield "longer-cut-held", unsaid(LDAP, longer[:15])
    yield "cut-reset", said(LDAP, bound()[:5], end="reset")
    yield "silent", unsaid(LDAP)
    yield "reset", said(LDAP, b"", end="reset")
    for number, data in enumerate(
        (b"1", b"220 I am for mail\r\n", b"x" * 30000, b"0\x80" + bytes(20), b"0\x14" + bytes(20), bound() + b"more",
         bound().replace(b"\2\1\1", b"\2\1\2"), bound().replace(b"\x61", b"\x65"), bound().replace(b"\x0a", b"\x0b"),
         bytes.fromhex("3024020100781f0a0134040004008a16312e332e362e312e342e312e313436362e3230303336"))
    ):  # fmt: skip
        yield f"other-{number}", said(LDAP, data, end="close")


FAMILIES = {
    "smtp": dict(mail_cases()),
    "pgsql": dict(postgresql_cases()),
    "mysql": dict(mysql_cases()),
    "ldap": dict(ldap_cases()),
}
PORTS = {
    f"{name}-{where}": Case((option, PATIENT), where)
    for name, option in (("s", SMTP), ("p", POSTGRESQL), ("m", MYSQL_USER), ("l", LDAP))
    for where in (DEAD, FULL)
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service-checks")


@cache
def observed(program: str, folder: Path, family: str) -> Observed:
    cases = PORTS if family == "ports" else FAMILIES[family]
    return observe(program, folder, cases, check=CHECK)


def both(folder: Path, family: str) -> tuple[Observed, Observed]:
    return observed("wproxy", folder, family), observed("haproxy", folder, family)


@pytest.mark.parametrize("family", [*FAMILIES, "ports"])
def test_columns(family: str, folder: Path) -> None:
    ours, theirs = both(folder, family)
    assert ours.seen == theirs.seen


@pytest.mark.parametrize("family", [*FAMILIES, "ports"])
def test_notices(family: str, folder: Path) -> None:
    ours, theirs = both(folder, family)
    assert theirs.notices
    assert ours.notices == theirs.notices


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_said_and_how_it_is_hung_up(family: str, folder: Path) -> None:
    """Byte by byte; a server that would not know is left out."""
    names = [name for name, case in FAMILIES[family].items() if _knows(case)]
    ours, theirs = (
        [(name, bytes(first.heard), first.ending) for name in names for first in each.asked[name].conversations[:1]]
        for each in both(folder, family)
    )
    assert ours == theirs
    assert {ending for _, _, ending in theirs} == {"reset" if family == "ldap" else "goodbye"}


def _knows(case: Case) -> bool:
    """Whether the server surely sees what it is told.

    Not where it has hung up first, nor where some of its bytes may not be read, which makes a reset of a goodbye, nor
    where a reset may overtake the question.
    """
    script = case.server
    assert isinstance(script, Script)
    return script.end == "hold" and not script.slowly and (LDAP not in case.lines or PATIENT in case.lines)


# Where wproxy waits for the end of what HAProxy judges by its beginning, or the other way round, and reads more.
DIFFERENT = {
    "mail, hello refused": (
        unsaid(SMTP, b"501 bad\r\n", banner=HI),
        ("L7STS", "501", "bad"),
        ("L7TOUT", "", ""),
    ),
    "mail, hello refused in the end": (
        unsaid(SMTP, b"250-fine\r\n501 bad\r\n", banner=HI),
        ("L7STS", "250", "fine"),
        ("L7TOUT", "", ""),
    ),
    "ldap, one byte of length": (
        said(LDAP, bound(0, b"x" * 120, 1, 1)),
        ("L7OK", "0", ""),
        ("L7RSP", "", "Not LDAPv3 protocol"),
    ),
    "ldap, three bytes of length": (
        said(LDAP, bound(49, b"", 3, 3)),
        ("L7STS", "49", "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"),
        ("L7RSP", "", "Not LDAPv3 protocol"),
    ),
}


def shown(program: str, folder: Path, *cases: Case) -> list[tuple[str, str, str]]:
    named = {f"b{number}": case for number, case in enumerate(cases)}
    seen = observe(program, folder, named, check=CHECK).seen
    return [(seen[name]["check_status"], seen[name]["check_code"], seen[name]["last_chk"]) for name in named]


def test_what_differs(folder: Path) -> None:
    cases, ours, theirs = zip(*DIFFERENT.values(), strict=True)
    assert shown("wproxy", folder, *cases) == list(ours)
    assert shown("haproxy", folder, *cases) == list(theirs)


def test_servers_that_speak_slowly_where_haproxy_takes_the_rest_of_a_line_for_an_answer(folder: Path) -> None:
    cases = (
        said(SMTP, MANY, BYE, banner=HI, slowly=True),
        said(SMTP, banner=b"554 go away\r\n", slowly=True),
        said(POSTGRESQL, NO_ROLE, slowly=True),
    )
    assert shown("wproxy", folder, *cases) == [
        ("L7OK", "221", "bye now"),
        ("L7STS", "554", "go away"),
        ("L7RSP", "", "FATAL"),
    ]


SERVICES = {
    "s": (f"{SMTP} EHLO my.example", Script((MANY, BYE), HI, "hold")),
    "p": (POSTGRESQL, Script((LET_IN,), b"", "hold")),
    "m": (MYSQL_USER, Script((LOGGED_IN,), GREETING, "hold")),
    "l": (LDAP, Script((bound(),), b"", "hold")),
}


def test_services_behind_tls_and_headers_and_on_other_ports(folder: Path) -> None:
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secured.load_cert_chain(for_host("a.example").write(folder / "a.pem"))
    ways = {
        "tls": ("check-ssl verify none", {"secured": secured}),
        "ssl": ("ssl verify none", {"secured": secured}),
        "header": ("check-send-proxy", {"after_header": True}),
        "line": ("send-proxy", {"after_header": True}),
        "both": ("check-send-proxy check-ssl verify none", {"after_header": True, "secured": secured}),
        "port": ("port {port}", {}),
        "elsewhere": ("addr 127.0.0.1 port {port}", {}),
        "elsewhere-header": ("port {port} check-send-proxy", {"after_header": True}),
    }
    cases = {
        f"{name}-{way}": Case((option, PATIENT), replace(script, **more), options=options)  # type: ignore[arg-type]
        for name, (option, script) in SERVICES.items()
        for way, (options, more) in ways.items()
    }
    ours, theirs = (observe(program, folder, cases, check=CHECK) for program in ("wproxy", "haproxy"))
    assert ours.seen == theirs.seen
    assert {row["check_status"] for row in theirs.seen.values()} == {"L7OK"}
    said_by_both = [
        {name: _without_ports(bytes(asked.conversations[0].heard)) for name, asked in each.asked.items()}
        for each in (ours, theirs)
    ]
    assert said_by_both[0] == said_by_both[1]


def _without_ports(data: bytes) -> bytes:
    return re.sub(rb"^(PROXY TCP4 \S+ \S+) \d+ \d+", rb"\1 N N", data)


def test_a_hello_of_defaults_and_the_last_line_of_a_section(folder: Path) -> None:
    """Each line replaces the one before, arguments included; `defaults` are replaced by lines of the section."""
    lines = {
        "a": ("option ldap-check", SMTP),
        "b": (f"{SMTP} EHLO my.example", SMTP),
        "c": (SMTP, "option tcp-check", "tcp-check send x", LDAP),
        "d": ("option mysql-check user other pre-41", MYSQL_USER),
        "e": (MYSQL_USER, "option mysql-check"),
        "f": (LDAP, POSTGRESQL),
        "g": (POSTGRESQL, "option tcp-check", "tcp-check send y"),
        "h": (SMTP, "option httpchk"),
    }
    scripts = {"a": SERVICES["s"][1], "b": SERVICES["s"][1], "e": Script((), GREETING, "hold")}
    cases = {
        name: Case((*options, PATIENT), scripts.get(name, Script((b"",), GREETING))) for name, options in lines.items()
    }
    ours, theirs = (observe(program, folder, cases, check=CHECK) for program in ("wproxy", "haproxy"))
    assert ours.first_questions() == theirs.first_questions()
    assert len(set(theirs.first_questions().values())) > 5


WRONG = (
    f"{SMTP} HELO a b",
    f"{LDAP} x",
    "option pgsql-check",
    "option pgsql-check user",
    "option pgsql-check user ''",
    "option pgsql-check usr u",
    "option pgsql-check user u x",
    "option mysql-check usr u",
    "option mysql-check post-41",
    "option mysql-check user",
    "option mysql-check user u 41",
    "option mysql-check user u pre-41 x",
    *(f"no {option}" for option in (SMTP, LDAP, POSTGRESQL, MYSQL, MYSQL_USER)),
)


def checked(program: list[str], folder: Path, *lines: str) -> int:
    file = folder / "checked.cfg"
    section = "\n ".join(
        ("listen l", "bind 127.0.0.1:1", "timeout client 1s", "timeout server 1s", "timeout connect 1s")
    )
    file.write_text("\n ".join((section, *lines, "server s 127.0.0.1:2 check")) + "\n")
    return subprocess.run([*program, "-c", "-f", str(file)], capture_output=True, timeout=60).returncode


@pytest.mark.parametrize("line", WRONG)
def test_wrong_arguments(line: str, tmp_path: Path) -> None:
    assert checked([need("haproxy")], tmp_path, line) == 1
    assert problem_of(f"backend b\n {line}")


def test_right_arguments(tmp_path: Path) -> None:
    lines = [case.lines[0] for cases in FAMILIES.values() for case in cases.values()]
    assert checked([need("haproxy")], tmp_path, *lines) == 0
    assert parse("backend b\n " + "\n ".join(lines) + "\n", "a.cfg", {}).backends[0].check.kind is Kind.LDAP
