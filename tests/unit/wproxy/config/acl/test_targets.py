from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import StillProcess
from tests.unit.wproxy.config.http.exchange import http_facts, value
from wproxy.config.acl.facts import Binary
from wproxy.config.acl.targets import TARGET_FETCHES, path_at, path_of, pathq_of

PLAIN = b"GET /a/b?x=1&y=2;x=3#no HTTP/1.1\r\nHost: h\r\n\r\n".replace(b"#no", b"")
ABSOLUTE = b"GET http://1.2.3.4:81/p?q HTTP/1.1\r\nHost: 1.2.3.4:81\r\n\r\n"
BARE = b"GET http://host HTTP/1.0\r\n\r\n"
STAR = b"OPTIONS * HTTP/1.0\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "begin", "path", "pathq"),
    [
        (b"/a?b", 0, b"/a", b"/a?b"),
        (b"http://h/a?b", 8, b"/a", b"/a?b"),
        (b"*", -1, None, None),
        (b"h:80", -1, None, None),
    ],
)
def test_parts(target: bytes, begin: int, path: bytes | None, pathq: bytes | None) -> None:
    assert (path_at(target), path_of(target), pathq_of(target)) == (begin, path, pathq)


@pytest.mark.parametrize(
    ("text", "plain", "absolute", "bare", "star"),
    [
        ("path", "/a/b", "/p", None, None),
        ("pathq", "/a/b?x=1&y=2;x=3", "/p?q", None, None),
        ("url", "/a/b?x=1&y=2;x=3", "http://1.2.3.4:81/p?q", "http://host", "*"),
        ("query", "x=1&y=2;x=3", "q", None, None),
        ("base", "h/a/b", "1.2.3.4:81/p", None, None),
        ("baseq", "h/a/b?x=1&y=2;x=3", "1.2.3.4:81/p?q", None, None),
        ("url_ip", None, b"\1\2\3\4", None, None),
        ("url_port", None, 81, None, None),
        ("urlp(x)", "1", None, None, None),
        ("url_param(y)", "2", None, None, None),
        ("urlp(z)", None, None, None, None),
        ("urlp()", "1", None, None, None),
        ("urlp(x,;)", "3", None, None, None),
        ("urlp_val(y)", 2, None, None, None),
        ("urlp_val(z)", None, None, None, None),
    ],
)
def test_fetches(text: str, plain: object, absolute: object, bare: object, star: object) -> None:
    found = [value(text, request) for request in (PLAIN, ABSOLUTE, BARE, STAR)]
    assert found == [plain, absolute, bare, star]


def test_numbers_of_addresses() -> None:
    assert value("url_ip", b"GET http://1.2.3.999/ HTTP/1.0\r\n\r\n") is None
    assert value("query", b"GET /? HTTP/1.0\r\n\r\n") == ""
    assert value("query", b"GET / HTTP/1.0\r\n\r\n") is None


def test_hashes() -> None:
    assert value("base32", BARE) == 2874071335
    mixed = value("base32+src", BARE)
    assert isinstance(mixed, Binary)
    assert mixed.encode("latin-1") == (2874071335).to_bytes(4, "big") + b"\x0a\1\2\3"
    assert value("url32", PLAIN) == value("baseq,sdbm(1)", PLAIN)
    unknown = http_facts(PLAIN)
    unknown.source = None
    [row] = [row for row in TARGET_FETCHES if row.name == "url32+src"]
    assert row.make()(unknown) is None
    assert isinstance(unknown.process, StillProcess)
