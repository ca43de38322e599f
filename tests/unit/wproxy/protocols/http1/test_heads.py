from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.http1.fields import Field
from wproxy.protocols.http1.heads import Fault, HeadParser, RequestHead, ResponseHead

LIMIT = 15_281
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


def request(data: bytes) -> RequestHead:
    head = HeadParser(LIMIT).request(data)
    assert isinstance(head, RequestHead), head
    return head


def response(data: bytes) -> ResponseHead:
    head = HeadParser(LIMIT).response(data)
    assert isinstance(head, ResponseHead), head
    return head


def sent(data: bytes) -> bytes:
    """Return how a request is passed on."""
    return request(data).to_bytes()


def refused(data: bytes) -> bool:
    head = HeadParser(LIMIT).request(data)
    return isinstance(head, Fault) and head.status == 400


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_request() -> None:
    head = request(b"POST /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
    assert (head.method, head.target, head.minor, head.length, head.size) == (b"POST", b"/x?y", 1, 3, 72)
    assert (head.closes, head.upgrades, head.expects) == (False, False, True)
    assert head.to_bytes(b"x: y\r\n").endswith(b"\r\nx: y\r\n\r\n")


def test_a_response() -> None:
    head = response(b"HTTP/1.1 404 Not  Found\r\nContent-Length: 3\r\n\r\nabc")
    assert (head.status, head.reason, head.minor, head.length, head.size) == (404, b"Not  Found", 1, 3, 46)
    assert (head.closes, head.upgrades) == (False, False)
    assert head.to_bytes(b"x: y\r\n") == b"HTTP/1.1 404 Not  Found\r\ncontent-length: 3\r\nx: y\r\n\r\n"


@pytest.mark.parametrize(
    ("line", "version"),
    [
        (b"GET / HTTP/1.1", 1),
        (b"GET\t /  HTTP/1.1", 1),
        (b"!#$%&'*+-.^_`|~ / HTTP/1.1", 1),
        (b"get / HTTP/1.0", 0),
        (b"GET / HTTP/0.9", 0),
        (b"GET / HTTP/1.9", 1),
        (b"GET / HTTP/2.0", 1),
        (b'GET /\x7f"<>\\^`{|} HTTP/1.1', 1),
    ],
)
def test_request_lines(line: bytes, version: int) -> None:
    assert request(line + b"\r\n\r\n").minor == version


@pytest.mark.parametrize(
    "line",
    [b"", b"GET", b"GET /", b"GET / ", b"GET / HTTP/1", b"GET / HTTP/1.10", b"GET / HTTP/11.1", b"GET / http/1.1",
     b"GET / HTTP/1.1 ", b" GET / HTTP/1.1", b"G(T / HTTP/1.1", b"GET /\x80 HTTP/1.1", b"GET /\x01 HTTP/1.1",
     b"GET /# HTTP/1.1", b"GET / x HTTP/1.1", b"GET / HTTP/1.1\r", b"GET / RTSP/1.0", b"\x16\x03\x01\x02\x00"],
)  # fmt: skip
def test_what_is_no_request_line(line: bytes) -> None:
    assert refused(line + b"\r\nHost: a\r\n\r\n") or not line


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\r\n\n\r\n" + GET, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"GET / HTTP/1.1\nHost: a\r\n\n", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nX: a\r\n b\r\n\t c\n d\r\n\r\n", b"GET / HTTP/1.1\r\nx: a   b  \t c  d\r\n\r\n"),
    ],
)
def test_heads_in_no_plain_form(data: bytes, expected: bytes) -> None:
    assert sent(data) == expected
    assert request(data + GET).size == len(data)


@pytest.mark.parametrize(
    "data",
    [b"\r\r" + GET, b"GET / HTTP/1.1\r\n X: y\r\n\r\n", b"GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
     b"GET / HTTP/1.1\r\nX : y\r\n\r\n", b"GET / HTTP/1.1\r\nX y\r\n\r\n", b"GET / HTTP/1.1\r\nX: \0\r\n\r\n",
     b"GET / HTTP/1.1\r\nX: y\r\n\0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
)  # fmt: skip
def test_what_is_no_head(data: bytes) -> None:
    assert refused(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\r", b"\r\n", b"\n\r", b"\r\n\r\n", b"G", b"GET ", b"GET /x", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\n",
     b"GET / HTTP/1.1\nHo", b"GET / HTTP/1.1\r\nHost: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r"],
)  # fmt: skip
def test_what_may_become_a_request(data: bytes) -> None:
    assert HeadParser(LIMIT).request(data) is None


@pytest.mark.parametrize("data", [b"\x16", b"\r\r", b"G(", b"GET /\x80", b"PING\n", b"*1\r\n", b"GET /x\r\n", b"\0"])
def test_what_will_never_be_a_request_is_refused_at_once(data: bytes) -> None:
    assert refused(data)


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP", b"HTTP/", b"HTTP/1.1 200 OK\r\nX", b"\r\nHT", b"\r\n", b"\r"])
def test_what_may_become_a_response(data: bytes) -> None:
    assert HeadParser(LIMIT).response(data) is None


@pytest.mark.parametrize(
    "data",
    [b"<", b"HTML", b"\r\nx", b"\r\r", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1 99 x\r\n\r\n", b"HTTP/1.1 000 x\r\n\r\n",
     b"HTTP/1.1 2x0\r\n\r\n", b"HTTP/1.1200 OK\r\n\r\n", b"HTTP/1.1 200 O\0K\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", b"HTTP/1.1 200 OK\r\nX y\r\n\r\n",
     b"HTTP/1.1 200 OK\r\n X: y\r\n\r\n", b"HTTP/1.1 200 OK\nX y\n\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * LIMIT],
)  # fmt: skip
def test_what_is_no_response(data: bytes) -> None:
    head = HeadParser(LIMIT).response(data)
    assert isinstance(head, Fault)
    assert head.status == 502


@pytest.mark.parametrize(
    ("line", "status", "reason"),
    [
        (b"HTTP/1.1 200 OK", 200, b"OK"),
        (b"HTTP/1.1 200", 200, b""),
        (b"HTTP/1.1\t 200 \t", 200, b""),
        (b"HTTP/1.0 99999 \xe4 x", 99999, b"\xe4 x"),
    ],
)
def test_status_lines(line: bytes, status: int, reason: bytes) -> None:
    head = response(line + b"\r\n\r\n")
    assert (head.status, head.reason) == (status, reason)
    assert response(b"\n" + line + b"\n\n").size == len(line) + 3


def test_who_closes() -> None:
    assert not request(GET).closes
    assert request(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").closes
    assert request(b"GET / HTTP/1.0\r\n\r\n").closes
    assert not request(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").closes
    assert not response(b"HTTP/1.1 200 OK\r\n\r\n").closes
    assert response(b"HTTP/1.0 200 OK\r\n\r\n").closes
    assert not response(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").closes


def test_who_closes_because_the_end_of_the_body_is_doubtful() -> None:
    both = b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"
    assert request(b"POST / HTTP/1.1\r\n" + both).closes
    assert response(b"HTTP/1.1 200 OK\r\n" + both).closes
    chunked = b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert request(b"POST / HTTP/1.0\r\n" + chunked).closes
    assert not request(b"POST / HTTP/1.1\r\n" + chunked).closes


@pytest.mark.parametrize(
    ("target", "host", "expected"),
    [
        (b"http://a/x", b"a", b"GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"http://a:80/x", b"a:80", b"GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"http://a:/x", b"a", b"GET http://a/x HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"http://a/x", b"a:80", b"GET http://a/x HTTP/1.1\r\nhost: a:80\r\n\r\n"),
        (b"HTTPS://A:443/", b"a:443", b"GET HTTPS://A/ HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"http://a:81/x", b"a:81", b"GET http://a:81/x HTTP/1.1\r\nhost: a:81\r\n\r\n"),
        (b"ftp://a:21/x", b"a:21", b"GET ftp://a:21/x HTTP/1.1\r\nhost: a:21\r\n\r\n"),
        (b"http://u:p@a/", b"a", b"GET http://u:p@a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"http:///x", b"a", b"GET http:///x HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"*", b"a", b"GET * HTTP/1.1\r\nhost: a\r\n\r\n"),
        (b"//a/x", b"b", b"GET //a/x HTTP/1.1\r\nhost: b\r\n\r\n"),
    ],
)
def test_targets(target: bytes, host: bytes, expected: bytes) -> None:
    assert sent(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host)) == expected


def test_a_uri_without_host() -> None:
    assert sent(b"GET http://a:80/ HTTP/1.1\r\nX: y\r\n\r\n") == b"GET http://a/ HTTP/1.1\r\nx: y\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"http://a/", b"b"),
        (b"http://a/", b"a:81"),
        (b"http://a?x", b"a"),
        (b"a", b"a"),
        (b"?", b"a"),
        (b"1http://a/", b"a"),
        (b"http:/a", b"a"),
    ],
)
def test_targets_that_are_none(target: bytes, host: bytes) -> None:
    assert refused(b"GET %b HTTP/1.1\r\nHost: %b\r\n\r\n" % (target, host))


def test_http_2_is_not_spoken() -> None:
    assert refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")


def test_connect() -> None:
    assert sent(b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n") == b"CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n"
    assert sent(b"CONNECT u@a:81 HTTP/1.1\r\nHost: a:81\r\n\r\n") == b"CONNECT u@a:81 HTTP/1.1\r\nhost: a:81\r\n\r\n"
    head = request(b"CONNECT a:1 HTTP/1.1\r\nContent-Length: 3\r\n\r\n")
    assert (head.length, head.to_bytes()) == (None, b"CONNECT a:1 HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("target", [b"/", b"a", b"a:", b"a:x", b"http://a/", b"*", b"a:80/"])
def test_connect_to_what_is_no_authority(target: bytes) -> None:
    assert refused(b"CONNECT %b HTTP/1.1\r\n\r\n" % target)


def test_connect_has_no_body_and_one_host() -> None:
    assert refused(b"CONNECT a:80 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert refused(b"CONNECT a:80 HTTP/1.1\r\nHost: b:80\r\n\r\n")


def test_upgrades() -> None:
    upgrade = b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: "
    assert request(upgrade + b"x\r\n\r\n").upgrades
    assert request(upgrade + b"websocket\r\n" + KEY + b"\r\n").upgrades
    assert refused(upgrade + b"WebSocket\r\n\r\n")
    assert refused(upgrade + b"websocket\r\nSec-WebSocket-Key: x\r\n\r\n")
    head = request(upgrade + b"x\r\nContent-Length: 3\r\n\r\n")
    assert not head.upgrades
    assert head.to_bytes() == b"GET / HTTP/1.1\r\nconnection: upgrade\r\ncontent-length: 3\r\n\r\n"


def test_a_response_without_body_tells_no_length() -> None:
    head = response(b"HTTP/1.1 204 No\r\nContent-Length: 3\r\nX: y\r\n\r\n")
    head.unframe()
    head.unframe()
    assert (head.length, head.to_bytes()) == (None, b"HTTP/1.1 204 No\r\nx: y\r\n\r\n")


def filled(size: int, fields: int) -> bytes:
    """Return a request whose head has `size` bytes and `fields` fields."""
    head = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (fields - 1) + b"X: "
    return head + b"x" * (size - len(head) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize("fields", [1, 2, 50, 100])
def test_how_long_a_head_may_be(fields: int) -> None:
    """Measured at HAProxy: a field counts four bytes more than it has."""
    longest = LIMIT - 4 * fields
    assert request(filled(longest, fields) + GET).size == longest
    assert refused(filled(longest + 1, fields))
    assert refused(filled(longest + 1, fields) + GET)
    assert refused(b"GET / HTTP/1.1\r\nX: " + b"x" * LIMIT)


def test_changes_do_not_touch_what_is_remembered() -> None:
    parser = HeadParser(LIMIT)
    data = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 2\r\n\r\n"
    head = parser.request(data)
    assert isinstance(head, RequestHead)
    assert head.values(b"x") == [b"1", b"2"]
    head.add(b"y", b"3")
    assert head.to_bytes() == b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: 2\r\ny: 3\r\n\r\n"
    head.set(b"x", b"4")
    head.add(b"z", b"5")
    assert head.to_bytes() == b"GET / HTTP/1.1\r\nhost: a\r\ny: 3\r\nx: 4\r\nz: 5\r\n\r\n"
    head.remove(b"x")
    head.append(Field.of(b"a", b"6"), Field.of(b"b", b"7"))
    assert head.to_bytes() == b"GET / HTTP/1.1\r\nhost: a\r\ny: 3\r\nz: 5\r\na: 6\r\nb: 7\r\n\r\n"
    again = parser.request(data)
    assert isinstance(again, RequestHead)
    assert again.to_bytes() == b"GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: 2\r\n\r\n"


def test_values_are_rewritten() -> None:
    head = request(b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n")
    head.rewrite(lambda _, value: value)
    assert head.lines is not None
    changes = {b"a": b"4", b"b": None}
    head.rewrite(changes.get)
    assert head.to_bytes() == b"GET / HTTP/1.1\r\na: 4\r\nc: 3\r\n\r\n"


def test_first_lines_are_remembered_and_bounded() -> None:
    parser = HeadParser(LIMIT)
    for number in range(3000):
        assert isinstance(parser.request(b"GET /%d HTTP/1.1\r\n\r\n" % number), RequestHead)
        assert isinstance(parser.response(b"HTTP/1.1 200 %d\r\n\r\n" % number), ResponseHead)
    assert len(parser._requests) <= 1024
    assert len(parser._statuses) <= 1024
    assert isinstance(parser.request(b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * 600)), RequestHead)
    assert isinstance(parser.response(b"HTTP/1.1 200 %b\r\n\r\n" % (b"x" * 600)), ResponseHead)


# -- any head ------------------------------------------------------------------------------------------------------

LINES = st.sampled_from(
    [
        b"Host: a",
        b"Host: b",
        b"host : a",
        b"X: y",
        b"X:y",
        b" folded",
        b"\tfolded",
        b"X: \0",
        b"no field",
        b"Content-Length: 3",
        b"Content-Length: 4",
        b"Content-Length: 3, 3",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip",
        b"Connection: close",
        b"Connection: upgrade, x",
        b"Upgrade: x",
        b"TE: trailers",
        b"X: \xff",
        b"X: a\rb",
        b"",
    ]
)
FIRST = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"GET / HTTP/1.0",
        b"POST http://a:80/x HTTP/1.1",
        b"CONNECT a:80 HTTP/1.1",
        b"GET /",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 204 No",
        b"HTTP/1.1 200",
        b"OPTIONS * HTTP/1.1",
        b"",
        b"\0",
    ]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])


@st.composite
def heads(draw: st.DrawFn) -> bytes:
    lines = [draw(FIRST), *draw(st.lists(LINES, max_size=5)), b""]
    return b"".join(line + draw(ENDS) for line in lines)


def told(head: RequestHead | ResponseHead | Fault | None) -> object:
    """Return all that a head tells."""
    if isinstance(head, RequestHead | ResponseHead):
        return head.to_bytes(), head.size, head.length, head.closes, head.upgrades
    return None if head is None else head.status


@given(heads())
def test_a_head_means_the_same_however_it_is_found(data: bytes) -> None:
    """What is remembered, what is read for the first time, and what takes the slow way, because the limit is near."""
    for method in (HeadParser.request, HeadParser.response):
        parser = HeadParser(LIMIT)
        first = told(method(parser, data))
        assert told(method(parser, data)) == first
        assert told(method(parser, data + b"GET / HTTP/1.1\r\n\r\n")) == first or first is None
        assert told(method(HeadParser(300), data)) == first


@given(heads())
def test_a_head_is_awaited_until_it_is_there(data: bytes) -> None:
    """Byte by byte it is either awaited or refused; never is a part of it taken for the whole."""
    for method in (HeadParser.request, HeadParser.response):
        whole = method(HeadParser(LIMIT), data)
        parser = HeadParser(LIMIT)
        for size in range(len(data)):
            part = method(parser, data[:size])
            if part is None:
                continue
            if isinstance(part, Fault):
                assert isinstance(whole, Fault)
            else:
                assert told(part) == told(whole)
                assert part.size <= size
            break


@given(heads())
def test_what_is_passed_on_is_plain_and_means_the_same(data: bytes) -> None:
    for method in (HeadParser.request, HeadParser.response):
        head = method(HeadParser(LIMIT), data)
        if isinstance(head, Fault | None):
            continue
        wire = head.to_bytes()
        again = method(HeadParser(LIMIT), wire)
        assert isinstance(again, type(head))
        assert (again.to_bytes(), again.size, again.length) == (wire, len(wire), head.length)
