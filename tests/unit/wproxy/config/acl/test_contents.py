"""What can be asked about the first bytes of a client: values, and whether they may be others when more has come."""

from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts as client
from tests.unit.wproxy.config.acl.asking import scope
from tests.unit.wproxy.protocols.test_client_hello import extension, hello_of, message, records
from wproxy.config.acl.facts import Facts, Stage
from wproxy.config.acl.sample import parse_sample
from wproxy.config.values import ArgumentError
from wproxy.dataplane.contents import Contents
from wproxy.protocols.http1.heads import HeadParser

HELLO = hello_of("a.example", "h2", "http/1.1")
HEAD = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


def facts_of(data: bytes | None, *, final: bool = False) -> Facts:
    facts = client()
    if data is not None:
        contents = Contents(16384, HeadParser(8000))
        contents.add(data)
        contents.final = final
        facts.contents = contents
    return facts


def asked(text: str, data: bytes | None, *, final: bool = False) -> tuple[object, bool]:
    """Return the value of an expression, and whether it may change."""
    facts = facts_of(data, final=final)
    value = parse_sample(text, scope(stage=Stage.CONTENT)).fetch(facts)
    return value, facts.contents is not None and facts.contents.unsure


def test_a_hello() -> None:
    names = ("hello_type", "sni", "ver", "ec_ext", "st_ext", "alpn")
    assert [asked(f"req.ssl_{name}", HELLO) for name in names] == [
        (value, False) for value in (1, "a.example", 0x30003, True, 1, "h2")
    ]
    assert {asked(f"req.ssl_{name}", HELLO[:-1]) for name in names} == {(None, True)}
    assert {asked(f"req.ssl_{name}", b"GET / ") for name in names} == {(None, False)}
    assert {asked(f"req.ssl_{name}", None) for name in names} == {(None, False)}
    other = records(message(kind=2))
    assert [asked(f"req.ssl_{name}", other)[0] for name in names] == [2, None, None, None, None, None]
    bare = records(message(extension(35, b"x")))
    assert [asked(f"req.ssl_{name}", bare)[0] for name in names] == [1, None, 0x30003, None, 2, None]


def test_length_and_end() -> None:
    assert asked("req.len", b"abc") == (3, True)
    assert asked("req.len", None) == (None, False)
    assert asked("wait_end", b"") == (None, True)
    assert asked("wait_end", b"", final=True) == asked("wait_end", None) == (True, False)


def test_bytes() -> None:
    assert asked("req.payload(1,2)", b"abcd") == ("bc", False)
    assert asked("req.payload(1,0)", b"abcd") == ("bcd", True)
    assert asked("req.payload(1,4)", b"abcd") == asked("req.payload(5,0)", b"abcd") == (None, True)
    assert asked("req.payload_lv(1,1)", b"x\2abc") == ("ab", False)
    assert asked("req.payload_lv(1,1,+1)", b"x\2abc") == ("bc", False)
    assert asked("req.payload_lv(1,1,0)", b"x\2abc") == ("x\2", False)
    assert asked("req.payload_lv(1,1)", b"x\5abc") == asked("req.payload_lv(4,2)", b"x\5abc") == (None, True)
    assert asked("req.payload_lv(1,1)", b"x\0") == (None, False)
    with pytest.raises(ArgumentError, match="expects a length of 1 or more"):
        asked("req.payload_lv(1,0)", b"")


def test_http() -> None:
    assert asked("req.proto_http", HEAD) == asked("req.proto_http", None) == (True, False)
    assert asked("req.proto_http", HEAD[:-1]) == asked("req.proto_http", b"") == (False, True)
    assert asked("req.proto_http", HELLO) == (False, False)
