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
from tempfile import NamedTemporaryFile

import pytest

from tests.support.certificates import for_host
from tests.support.check_cases import DEAD, FULL, Case, Observed, observe
from tests.support.check_server import Questioned, Script
from tests.support.programs import need
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse

SMTP, LDAP = "option smtpchk", "option ldap-check"
POSTGRESQL, MYSQL = "option pgsql-check user bob", "option mysql-check"
MYSQL_USER, MYSQL_OLD = "option mysql-check user bob", "option mysql-check user bob pre-41"

CHECK = "inter 30s"  # which limits the time for a connection and its TLS, too
PATIENT = "timeout connect 30s\n    timeout check 30s"
HASTY = (
    "timeout connect 5s\n    timeout check 1s"  # HAProxy notices some of the end of the latter at that of the former
)


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


# -- all of them -------------------------------------------------------------------------------------------------------

# Where wproxy does not wait for what HAProxy waits for in vain, and where it reads what HAProxy does not: what it says.
DIFFERENT = {
    "mail-refuses-hello": (
        unsaid(SMTP, b"501 bad\r\n", banner=HI),
        ("L7STS", "501", "bad"),
        ("L7TOUT", "", ""),
    ),
    "mail-refuses-hello-at-last": (
        unsaid(SMTP, b"250-fine\r\n501 bad\r\n", banner=HI),
        ("L7STS", "250", "fine"),
        ("L7TOUT", "", ""),
    ),
    "ldap-one-byte-of-length": (
        said(LDAP, bound(0, b"x" * 120, 1, 1)),
        ("L7OK", "0", ""),
        ("L7RSP", "", "Not LDAPv3 protocol"),
    ),
    "ldap-three-bytes-of-length": (
        said(LDAP, bound(49, b"", 3, 3)),
        ("L7STS", "49", "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"),
        ("L7RSP", "", "Not LDAPv3 protocol"),
    ),
}

# Where HAProxy judges what has come of a line, and takes the rest for the next answer.
SLOW = {
    "slow-mail": (said(SMTP, MANY, BYE, banner=HI, slowly=True), ("L7OK", "221", "bye now")),
    "slow-mail-refused": (said(SMTP, banner=b"554 go away\r\n", slowly=True), ("L7STS", "554", "go away")),
    "slow-error": (said(POSTGRESQL, NO_ROLE, slowly=True), ("L7RSP", "", "FATAL")),
}

SERVICES = {
    "smtp": (f"{SMTP} EHLO my.example", Script((MANY, BYE), HI, "hold")),
    "pgsql": (POSTGRESQL, Script((LET_IN,), b"", "hold")),
    "mysql": (MYSQL_USER, Script((LOGGED_IN,), GREETING, "hold")),
    "ldap": (LDAP, Script((bound(),), b"", "hold")),
}


def ways() -> Iterator[tuple[str, Case]]:
    """Services behind TLS, PROXY headers, and on other ports."""
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        for_host("a.example").write(Path(file.name))
        secured.load_cert_chain(file.name)
    for name, (option, script) in SERVICES.items():
        for way, options, made in (
            ("tls", "check-ssl verify none", replace(script, secured=secured)),
            ("ssl", "ssl verify none", replace(script, secured=secured)),
            ("header", "check-send-proxy", replace(script, after_header=True)),
            ("line", "send-proxy", replace(script, after_header=True)),
            ("both", "check-send-proxy check-ssl verify none", replace(script, after_header=True, secured=secured)),
            ("port", "port {port}", script),
            ("elsewhere", "addr 127.0.0.1 port {port}", script),
            ("elsewhere-header", "port {port} check-send-proxy", replace(script, after_header=True)),
        ):
            yield f"{name}-{way}", Case((option, PATIENT), made, options=options)


def several_lines() -> Iterator[tuple[str, Case]]:
    """Each line replaces the one before, arguments included."""
    scripts = {name: script for name, (_, script) in SERVICES.items()}
    yield "ldap-smtp", Case((LDAP, SMTP, PATIENT), scripts["smtp"])
    yield "smtp-words", Case((f"{SMTP} EHLO my.example", SMTP, PATIENT), scripts["smtp"])
    yield "tcp-ldap", Case((SMTP, "option tcp-check", "tcp-check send x", LDAP, PATIENT), scripts["ldap"])
    yield "mysql-words", Case(("option mysql-check user other pre-41", MYSQL_USER, PATIENT), scripts["mysql"])
    yield "mysql-no-words", Case((MYSQL_USER, MYSQL, PATIENT), Script(banner=GREETING, end="hold"))
    yield "ldap-pgsql", Case((LDAP, POSTGRESQL, PATIENT), scripts["pgsql"])
    rules = "option tcp-check", "tcp-check send x", "tcp-check expect string y"
    yield "pgsql-tcp", Case((POSTGRESQL, *rules, PATIENT), Script((b"y",), end="hold"))
    answer = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"
    yield "smtp-http", Case((SMTP, "option httpchk", PATIENT), Script((answer,), end="hold"))


FAMILIES = {
    "smtp": dict(mail_cases()),
    "pgsql": dict(postgresql_cases()),
    "mysql": dict(mysql_cases()),
    "ldap": dict(ldap_cases()),
    "nobody": {
        f"{name}-{where}": Case((option, "timeout connect 2s", "timeout check 30s"), where)
        for name, (option, _) in SERVICES.items()
        for where in (DEAD, FULL)
    },
    "ways": dict(ways()),
    "lines": dict(several_lines()),
}
SAME = {f"{family}-{name}": case for family, cases in FAMILIES.items() for name, case in cases.items()}
CASES = {
    **SAME,
    **{name: case for name, (case, _, _) in DIFFERENT.items()},
    **{f"{name}-patient": replace(case, lines=(case.lines[0], PATIENT)) for name, (case, _, _) in DIFFERENT.items()},
    **{name: case for name, (case, _) in SLOW.items()},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("service-checks")


@cache
def observed(program: str, folder: Path) -> Observed:
    return observe(program, folder, CASES, check=CHECK, settings="max-spread-checks 1s")


def both(folder: Path) -> tuple[Observed, Observed]:
    return observed("wproxy", folder), observed("haproxy", folder)


def of_family(family: str, made: Observed) -> Iterator[tuple[str, Questioned, dict[str, str]]]:
    for name in FAMILIES[family]:
        yield name, made.asked[f"{family}-{name}"], made.seen[f"{family}-{name}"]


def shown(row: dict[str, str]) -> tuple[str, str, str]:
    return row["check_status"], row["check_code"], row["last_chk"]


@pytest.mark.parametrize("family", FAMILIES)
def test_columns(family: str, folder: Path) -> None:
    ours, theirs = ({name: row for name, _, row in of_family(family, made)} for made in both(folder))
    assert ours == theirs


def test_notices(folder: Path) -> None:
    ours, theirs = (
        {line for line in made.notices if any(f"Server {name}/" in line for name in SAME)} for made in both(folder)
    )
    assert len(theirs) > 100
    assert ours == theirs


@pytest.mark.parametrize("family", ["smtp", "pgsql", "mysql", "ldap"])
def test_what_is_said_and_how_it_is_hung_up(family: str, folder: Path) -> None:
    """Byte by byte; a server that would not know is left out."""
    ours, theirs = (
        [
            (name, bytes(first.heard), first.ending)
            for name, asked, _ in of_family(family, made)
            for first in asked.conversations[:1]
            if _knows(FAMILIES[family][name])
        ]
        for made in both(folder)
    )
    assert len(theirs) > 20
    assert ours == theirs
    assert {ending for _, _, ending in theirs} == {"reset" if family == "ldap" else "goodbye"}


def _knows(case: Case) -> bool:
    """Whether the server surely sees what it is told.

    Not where it has hung up first, nor where some of its bytes may not be read or come after the time is over, which
    makes a reset of a goodbye.
    """
    script = case.server
    assert isinstance(script, Script)
    return script.end == "hold" and not script.slowly and PATIENT in case.lines


def test_services_behind_tls_and_headers_and_on_other_ports(folder: Path) -> None:
    ours, theirs = (
        {
            name: (re.sub(rb"^(PROXY TCP4 \S+ \S+) \d+ \d+", rb"\1 N N", asked.conversations[0].heard), shown(row)[0])
            for name, asked, row in of_family("ways", made)
        }
        for made in both(folder)
    )
    assert ours == theirs
    assert {status for _, status in theirs.values()} == {"L7OK"}


def test_the_last_line_of_several(folder: Path) -> None:
    ours, theirs = (
        {name: (bytes(asked.conversations[0].heard), shown(row)[0]) for name, asked, row in of_family("lines", made)}
        for made in both(folder)
    )
    assert ours == theirs
    assert len({heard for heard, _ in theirs.values()}) > 5
    assert {status for _, status in theirs.values()} == {"L7OK"}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_differs(name: str, folder: Path) -> None:
    ours, theirs = both(folder)
    assert shown(ours.seen[f"{name}-patient"]) == DIFFERENT[name][1]
    assert shown(theirs.seen[name]) == DIFFERENT[name][2]


@pytest.mark.parametrize("name", SLOW)
def test_servers_that_speak_slowly(name: str, folder: Path) -> None:
    assert shown(both(folder)[0].seen[name]) == SLOW[name][1]


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
    assert parse("backend b\n " + "\n ".join(lines) + "\n", "a.cfg", {}).backends
