from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.config.http.exchange import RESPONSE, holds, value
from wproxy.config.acl.headers import address, split


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (b"", [b""]),
        (b"a", [b"a"]),
        (b"a, b ,c", [b"a", b"b", b"c"]),
        (b",", [b"", b""]),
        (b'"a,b",c', [b'"a,b"', b"c"]),
        (b'"a\\",b",c', [b'"a\\",b"', b"c"]),
        (b'x "a', [b'x "a']),
        (b'"a,', [b'"a,']),
        (b'"a",', [b'"a"', b""]),
    ],
)
def test_split(line: bytes, values: list[bytes]) -> None:
    assert split(line) == values


@given(st.lists(st.text("ab ", max_size=3)))
def test_without_quotes_it_is_a_plain_split(parts: list[str]) -> None:
    line = ",".join(parts).encode()
    assert split(line) == [part.strip() for part in line.split(b",")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hdr(host)", "H.example:80"),
        ("hdr(Host)", "H.example:80"),
        ("hdr(foo)", "e"),
        ("req.hdr(foo,1)", "a"),
        ("req.hdr(foo,2)", '"b,c"'),
        ("req.hdr(foo,-2)", "d"),
        ("req.hdr(foo,-1)", "e"),
        ("req.hdr(foo,5)", None),
        ("req.hdr(foo,-5)", None),
        ("req.hdr(none)", None),
        ("req.hdr()", None),
        ("req.hdr(,1)", "H.example:80"),
        ("req.fhdr(foo,1)", 'a, "b,c" ,d'),
        ("req.fhdr(foo)", "e"),
        ("req.fhdr(foo,3)", None),
        ("hdr_cnt(foo)", 4),
        ("req.fhdr_cnt(foo)", 2),
        ("req.fhdr_cnt", 7),
        ("hdr_val(n)", -5),
        ("hdr_val(n,1)", 12),
        ("hdr_val(none)", None),
        ("hdr_ip(xf,1)", b"\1\2\3\4"),
        ("hdr_ip(xf,2)", bytes(15) + b"\1"),
        ("hdr_ip(xf)", None),
        ("req.hdr_names", "host,foo,foo,n,xf,cookie,authorization"),
        ("req.hdr_names(;),field(1,;)", "host"),
    ],
)
def test_of_requests(text: str, expected: object) -> None:
    assert value(text) == expected


def test_the_whole_block() -> None:
    assert value("req.hdrs", b"GET / HTTP/1.0\r\nA: b\r\n\r\n") == "a: b\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("res.hdr(x)", "b"), ("hdr(x)", "b"), ("shdr(x,1)", "a"), ("res.hdr_cnt(x)", 2), ("hdr(host)", None)],
)
def test_of_responses(text: str, expected: object) -> None:
    assert value(text, response=RESPONSE) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{ hdr(foo) d }", True),
        ("{ hdr(foo) x }", False),
        ("{ hdr(foo,1) d }", False),
        ("{ hdr(foo,9) -m found }", False),
        ("{ hdr_val(n) 12 }", True),
        ("{ hdr_ip(xf) ::1 }", True),
        ("{ hdr_beg(host) -i h. }", True),
        ("{ hdr() u }", False),
        ("{ hdr() -m sub example }", True),
        ("{ hdr(foo),upper D }", True),
    ],
)
def test_conditions_look_at_all_values(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("1.2.3.4", b"\1\2\3\4"),
        ("1.2.3.4:5", b"\1\2\3\4"),
        ("1.2.3.4:70000", None),
        ("::1", bytes(15) + b"\1"),
        ("x", None),
    ],
)
def test_addresses(text: str, packed: bytes | None) -> None:
    assert address(text) == packed


@pytest.mark.parametrize(("field", "expected"), [("x", False), ("x, 1.2.3.4", True)])
def test_conditions_pass_over_what_is_no_address(field: str, *, expected: bool) -> None:
    request = f"GET / HTTP/1.0\r\nXf: {field}\r\n\r\n".encode()
    assert holds("{ hdr_ip(xf) -m found }", request) is expected
