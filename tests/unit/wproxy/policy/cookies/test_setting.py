from __future__ import annotations

import pytest

from tests.unit.wproxy.policy.cookies.keepers import response, values
from wproxy.config.http.cookie import CookieMode, CookieSettings
from wproxy.policy.cookies.setting import Seen, Setter

OWN = b"Set-Cookie: SRV=own; Path=/"


def setter(mode: CookieMode, *, indirect: bool = False, preserve: bool = False) -> Setter:
    return Setter(CookieSettings("SRV", mode, indirect=indirect, preserve=preserve, attributes="; Secure"))


@pytest.mark.parametrize(
    ("made", "cookie", "direct", "seen", "left"),
    [
        (setter(CookieMode.PASSIVE), b"s", True, Seen.FOUND, b"SRV=own; Path=/"),
        (setter(CookieMode.INSERT), b"s", False, Seen.DELETED, None),
        (setter(CookieMode.INSERT), b"", False, Seen.DELETED, None),
        (setter(CookieMode.INSERT), None, False, Seen.FOUND, b"SRV=own; Path=/"),
        (setter(CookieMode.INSERT, preserve=True), b"s", True, Seen.FOUND, b"SRV=own; Path=/"),
        (setter(CookieMode.REWRITE), b"s", False, Seen.REPLACED, b"SRV=s; Path=/"),
        (setter(CookieMode.REWRITE), b"", False, Seen.FOUND, b"SRV=own; Path=/"),
        (setter(CookieMode.PREFIX), b"s", False, Seen.REPLACED, b"SRV=s~own; Path=/"),
        (setter(CookieMode.PREFIX, indirect=True), b"s", True, Seen.DELETED, None),
        (setter(CookieMode.PASSIVE, indirect=True), b"s", True, Seen.DELETED, None),
    ],
)
def test_the_servers_own(made: Setter, cookie: bytes | None, direct: bool, seen: Seen, left: bytes | None) -> None:
    head = response(b"A: b", OWN, b"Set-Cookie: X=1")
    assert made.look_at(head, cookie, direct=direct) is seen
    assert values(head) == [value for value in (left, b"X=1") if value is not None]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"SRV = own ; x", b"SRV=s ; x"), (b"X = 1 ; SRV=2", b"X=1 ; SRV=2"), (b"A=b; SRV=1", b"A=b; SRV=1"),
        (b'SRV="a;b"; x', b"SRV=s; x"), (b"SRV", b"SRV"), (b"SRVX=1", b"SRVX=1"), (b"SRV=", b"SRV=s"),
    ],
)  # fmt: skip
def test_shapes(line: bytes, left: bytes) -> None:
    head = response(b"Set-Cookie: " + line)
    setter(CookieMode.REWRITE).look_at(head, b"s", direct=False)
    assert values(head) == [left]


def test_nothing_is_made_anew_where_nothing_changes() -> None:
    head = response(b"A: b", b"Set-Cookie: X=1")
    lines = head.lines
    assert setter(CookieMode.INSERT).look_at(head, b"s", direct=False) is Seen.NONE
    assert head.lines is lines
    head.set(b"c", b"d")  # as a rule may
    assert setter(CookieMode.INSERT).look_at(head, b"s", direct=False) is Seen.NONE


def test_what_is_set() -> None:
    made = setter(CookieMode.INSERT)
    assert made.plain(b"s").line == b"set-cookie: SRV=s; path=/; Secure\r\n"
    assert made.plain(b"s") is made.plain(b"s")
    assert made.plain(b"").value == b"SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/; Secure"
    assert made.dated(b"s", 1, None).value == b"SRV=s|AAAAB; path=/; Secure"
    assert made.dated(b"s", 1, 2).value == b"SRV=s|AAAAB|AAAAC; path=/; Secure"


def test_what_is_remembered_is_bounded() -> None:
    made = setter(CookieMode.INSERT)
    for number in range(3000):
        made.plain(b"%d" % number)
    assert len(made._plain) <= 1024
