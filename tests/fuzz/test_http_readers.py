"""Whatever wproxy passes on, h11 reads in the same way: no request hides in another, on either side of the proxy."""

from __future__ import annotations

import h11
from hypothesis import example, given
from hypothesis import strategies as st

from wproxy.protocols.http1.bodies import Body, Chunked, Counted, Progress
from wproxy.protocols.http1.heads import CHUNKED, HeadParser, RequestHead

LIMIT = 15_281

Read = tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes, bytes]
"""Method, target, fields, body, and what follows the message."""


def passed_on(data: bytes) -> tuple[RequestHead, bytes, bytes] | None:
    """Return the head, the bytes of the request as its server gets them, and what follows it; None if it is refused."""
    head = HeadParser(LIMIT).request(data)
    if not isinstance(head, RequestHead):
        return None
    rest = data[head.size :]
    if not head.length:
        return head, head.to_bytes(), rest
    body: Body = Chunked() if head.length == CHUNKED else Counted(head.length)
    size = body.take(rest)
    if body.progress is not Progress.DONE:
        return None
    return head, head.to_bytes() + rest[:size], rest[size:]


def read_by_h11(data: bytes) -> Read | None:
    """Return what h11 reads, None if it refuses."""
    server = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    server.receive_data(data)
    try:
        head = server.next_event()
        assert isinstance(head, h11.Request), head
        body = b""
        while isinstance(event := server.next_event(), h11.Data):
            body += event.data
    except h11.RemoteProtocolError:
        return None
    assert isinstance(event, h11.EndOfMessage), event
    trailing, _ = server.trailing_data
    return head.method, head.target, list(head.headers), body, trailing


def data_of(head: RequestHead, wire: bytes) -> bytes:
    """Return the body without chunks, told apart by Python's own means."""
    body = wire[len(head.to_bytes()) :]
    if head.length != CHUNKED:
        return body
    parts: list[bytes] = []
    while True:
        line, _, body = body.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if not size:
            return b"".join(parts)
        parts.append(body[:size])
        body = body[size + 2 :]


METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"DELETE", b"get", b"X!"])
TARGETS = st.sampled_from([b"/", b"/x?y=%20", b"*", b"http://a/x", b"http://a:80/", b"//b/", b'/"<>\\^`{|}', b"/;,"])
VERSIONS = st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0"])
NEWLINES = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n "])
FRAMING = st.sampled_from(
    [
        b"Content-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: 05",
        b"Content-Length: 4",
        b"Content-Length: +5",
        b"Content-Length: 5 ",
        b"Content-Length:5",
        b"Content-Length : 5",
        b"Content-Length: 5\x0b",
        b"Content-Length:\t5",
        b"content-length: 0",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: Chunked",
        b"Transfer-Encoding:\tchunked",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer_Encoding: chunked",
        b"X: y\rTransfer-Encoding: chunked",
        b"X: y\nTransfer-Encoding: chunked",
        b"Transfer-Encoding:\n chunked",
        b" Transfer-Encoding: chunked",
        b"Transfer-Encoding: chunked;q=1",
        b'Transfer-Encoding: "chunked"',
        b"Transfer-Encoding: chunked\0",
        b"Transfer-Encoding: , chunked",
        b"Connection: close",
        b"Connection: Content-Length",
        b"Connection: Transfer-Encoding",
        b"Expect: 100-continue",
        b"TE: trailers",
        b"Host: a",
        b"Host: b",
        b"X: \xff\x80",
        b"X:",
        b"X: a\tb  c",
        b"X-Y_Z.~: 1",
        b"Foo: bar\x00baz",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"abcde",
        b"5\r\nabcde\r\n0\r\n\r\n",
        b"5;x=y\r\nabcde\r\n00\r\n\r\n",
        b"5 \r\nabcde\r\n0\r\nX: y\r\n\r\n",
        b"0\r\n\r\n",
        b"5\nabcde\n0\n\n",
        b"5\r\nabcde0\r\n\r\n",
        b"+5\r\nabcde\r\n0\r\n\r\n",
        b"0x5\r\nabcde\r\n0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\nX : y\r\n\r\n",
        b"5\r\nabcde\r\n0\r\n\n",
        b"5\rabcde\r\n0\r\n\r\n",
        b"05\r\nabcde\r\n0;\xff\r\n\r\n",
        b"1\r\na\r\n4\r\nbcde\r\n0\r\n\r\n",
        b"5\r\nabcde\r\n0\r\nContent-Length: 5\r\nA: b\r\n\r\n",
    ]
)

SPELLED = {b"Chunked": b"chunked"}  # as h11 tells it


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    host = draw(st.sampled_from([b"Host: a", b"Host: a", b"Host: a:80"]))
    fields = draw(st.lists(FRAMING, max_size=4))
    fields.insert(draw(st.integers(0, len(fields))), host)
    first = draw(METHODS) + b" " + draw(TARGETS) + b" HTTP/" + draw(VERSIONS)
    lines = b"".join(line + draw(NEWLINES) for line in (first, *fields))
    return lines + draw(st.sampled_from([b"\r\n", b"\r\n", b"\n"])) + draw(BODIES)


BEHIND = b"GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"


@given(requests())
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
@example(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc")
def test_h11_reads_what_is_passed_on_in_the_same_way(data: bytes) -> None:
    found = passed_on(data + BEHIND)
    if found is None:
        return
    head, wire, _ = found
    if (head.minor and not head.values(b"host")) or b"\x0b" in head.joined():
        return  # HAProxy passes these on, and h11 refuses them
    read = read_by_h11(wire + BEHIND)
    assert read is not None, "h11 refuses it"
    method, target, fields, body, trailing = read
    assert (method, target) == (head.method, head.target)
    assert fields == [(field.name, SPELLED.get(field.value, field.value)) for field in head.fields]
    assert body == data_of(head, wire)
    assert trailing == BEHIND


@given(requests())
def test_what_h11_itself_reads_otherwise_is_refused(data: bytes) -> None:
    """Where both accept the bytes of a client, both find the same end of the request."""
    found = passed_on(data + BEHIND)
    read = read_by_h11(data + BEHIND)
    if found is None or read is None:
        return
    head, _, behind = found
    if head.minor:
        assert read[4] == behind
