from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import http_scope, value
from wproxy.config.acl.sample import parse_sample
from wproxy.config.values import ArgumentError

MAX = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int(5),add(3)", 8),
        ("int(5),add(txn.number)", 10),
        ("int(5),add(txn.none)", None),
        ("int(5),sub(8)", -3),
        ("int(5),mul(-3)", -15),
        (f"int({MAX}),add(1)", MAX),
        ("int(-7),div(2)", -3),
        ("int(7),div(2)", 3),
        ("int(7),div(0)", MAX),
        ("int(-7),mod(3)", -1),
        ("int(7),mod(0)", 0),
        ("int(6),and(3)", 2),
        ("int(6),or(1)", 7),
        ("int(6),xor(3)", 5),
        ("int(7),neg", -7),
        ("int(7),cpl", -8),
        ("int(6),bool", True),
        ("int(6),not", False),
        ("int(6),even", True),
        ("int(6),odd", False),
        ("int(6),iif(a,b)", "a"),
        ("bool(false),iif(a,b)", "b"),
        ("src,ipmask(8)", b"\x0a\0\0\0"),
        ("ipv6(2001:db8:1::1),ipmask(8,32)", b"\x20\x01\x0d\xb8" + bytes(12)),
        ("ipv6(2001:db8:1::1),ipmask(8,ffff::)", b"\x20\x01" + bytes(14)),
        ("ipv6(2001:db8:1::1),ipmask(8)", None),
        ("ipv6(::ffff:1.2.3.4),ipmask(24)", b"\1\2\3\0"),
        ("int(0),http_date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("int(1500),http_date(10,ms)", "Thu, 01 Jan 1970 00:00:01.510 GMT"),
        ("int(0),utime(%Y,86400)", "1970"),
        ("int(0),ltime(%Y)", "1970"),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("src,ipmask(33)", "'ipmask' expects a mask such as 255.255.255.0 or 24, not '33'"),
        ("src,ipmask(8,x)", "'ipmask' expects a mask such as 64, not 'x'"),
        ("int(1),add(x)", "'add' expects a whole number in parentheses, not 'x'"),
        ("int(1),http_date(0,h)", "'http_date' expects one of s, ms, us in parentheses, not 'h'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_sample(text, http_scope())
    assert str(caught.value) == problem
