from __future__ import annotations

from collections.abc import Container

import pytest

from tests.support.pure_http import request_of
from wproxy.config.acl.networks import Networks
from wproxy.config.http.forwarding import AddressField
from wproxy.policy.forwarding import address_lines

HERE, THERE = bytes([10, 0, 0, 1]), bytes([192, 0, 2, 9])
PLAIN = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def field(name: bytes = b"x-forwarded-for", *, excepted: Container[bytes] | None = None, if_none: bool = False):  # type: ignore[no-untyped-def] # noqa: ANN201 - AddressField
    return AddressField(name, excepted, if_none)


def lines(front: AddressField | None, back: AddressField | None, request: bytes = PLAIN) -> bytes:
    made = address_lines((front, back), (None, None))
    assert made is not None
    return made(request_of(request), HERE, THERE)


def test_nobody_asks() -> None:
    assert address_lines((None, None), (None, None)) is None


@pytest.mark.parametrize(
    ("front", "back", "line"),
    [
        (field(), None, b"x-forwarded-for: 10.0.0.1\r\n"),
        (field(b"x-front"), field(), b"x-forwarded-for: 10.0.0.1\r\n"),
        (field(), field(b"x-back"), b"x-back: 10.0.0.1\r\n"),
        (field(excepted=Networks(["10.0.0.0/8"])), field(), b""),
        (field(), field(excepted=Networks(["10.0.0.0/8"])), b""),
        (field(excepted=Networks(["11.0.0.0/8"])), None, b"x-forwarded-for: 10.0.0.1\r\n"),
    ],
)
def test_the_line(front: AddressField | None, back: AddressField | None, line: bytes) -> None:
    assert lines(front, back) == line


def test_if_none_holds_only_if_all_say_it() -> None:
    forged = PLAIN.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n")
    assert lines(field(if_none=True), None, forged) == b""
    assert lines(field(if_none=True), field(if_none=True), forged) == b""
    assert lines(field(if_none=True), field(), forged) != b""
    assert lines(field(if_none=True), None) != b""


def test_addresses() -> None:
    both = address_lines((field(), None), (None, field(b"x-original-to")))
    local = address_lines((None, None), (field(b"x-original-to"), None))
    assert both is not None
    assert local is not None
    head = request_of(PLAIN)
    assert both(head, HERE, THERE) == b"x-forwarded-for: 10.0.0.1\r\nx-original-to: 192.0.2.9\r\n"
    assert local(head, HERE, THERE) == b"x-original-to: 192.0.2.9\r\n"
    assert both(head, None, None) == b""
    assert both(head, bytes(15) + b"\1", None) == b"x-forwarded-for: ::1\r\n"
    assert both(head, bytes(10) + b"\xff\xff" + HERE, None) == b"x-forwarded-for: ::ffff:10.0.0.1\r\n"


def test_what_is_remembered_is_bounded() -> None:
    made = address_lines((field(), None), (None, None))
    assert made is not None
    head = request_of(PLAIN)
    for number in range(10_000):
        address = number.to_bytes(4, "big")
        assert made(head, address, None) == made(head, address, None)
