"""Responses: what HAProxy makes of servers' answers, wproxy does too, byte for byte."""

from __future__ import annotations

from tests.support.http_beside import GET, OK, Case, answers, compare, report, run, says

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
GET_10 = b"GET / HTTP/1.0\r\n\r\n"
KEEP_10 = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CONNECT = b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
WEBSOCKET = (
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
FOUND = b"HTTP/1.1 200 OK\r\n"
CHUNKED = FOUND + b"Transfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TO_WEBSOCKET = b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
SWITCH = b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n"

STAYS, CLOSES = False, True  # what a server does after its first answer

Row = tuple[bytes, bytes, bool]
"""A request, the first answer of its server, and whether that closes the connection then."""

# fmt: off
RESPONSES: tuple[Row, ...] = (
    (GET, FOUND + b'Content-Length: 2\r\n\r\nokXX', STAYS),
    (GET, FOUND + b'\r\nuntil close', CLOSES),
    (GET_10, FOUND + b'\r\nuntil close', CLOSES),
    (GET, b'HTTP/1.0 200 OK\r\n\r\nuntil close', CLOSES),
    (GET, b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
    (GET, b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 2\r\nConnection: close\r\n\r\nok', CLOSES),
    (GET, CHUNKED + b'2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET_10, CHUNKED + b'2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding: gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n', CLOSES),
    (GET, FOUND + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: x\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 5\r\n\r\nok', CLOSES),
    (GET, CHUNKED + b'2\r\nok\r\n', CLOSES),
    (GET, CHUNKED + b'xx\r\nok\r\n', STAYS),
    (GET, b'HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 204 No\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 304 No\r\nContent-Length: 10\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET_10, b'HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc', STAYS),
    (GET, b'HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 1000 x\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 2x0 x\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'junk\r\n\r\n', STAYS),
    (GET, b'', CLOSES),
    (GET, b'', STAYS),
    (GET, FOUND + b'Cont', CLOSES),
    (GET, b'HTTP/1.1 200 OK\nX: y\nContent-Length: 0\n\n', STAYS),
    (GET, FOUND + b'X : y\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, FOUND + b'X: a\r\n b\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, FOUND + b'Connection: foo\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, b'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n', STAYS),
    (HEAD, CHUNKED + b'', STAYS),
    (HEAD, FOUND + b'\r\n', STAYS),
    (CONNECT, FOUND + b'\r\nabc', STAYS),
    (UPGRADE, b'HTTP/1.1 101 Switch\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc', STAYS),
    (UPGRADE, FOUND + b'Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 1\r\n\r\nabc', STAYS),
    (GET + NEXT, FOUND + b'Content-Length: 2\r\n\r\nok', STAYS),
    (GET + NEXT, FOUND + b'Content-Length: 2\r\n\r\nokXX', STAYS),
    (GET + NEXT, CHUNKED + b'2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET + NEXT, CHUNKED + b'2\r\nok\r\n0\r\n\r\nXX', STAYS),
    (GET + NEXT, CHUNKED + b'2\r\nok\r\n0\r\nX: y\r\n\r\n', STAYS),
    (GET_10, CHUNKED + b'2\r\nok\r\n0\r\nX: y\r\n\r\n', STAYS),
    (KEEP_10 + NEXT, CHUNKED + b'2\r\nok\r\n0\r\n\r\n', STAYS),
    (KEEP_10 + NEXT, FOUND + b'Content-Length: 2\r\n\r\nok', STAYS),
    (KEEP_10, FOUND + b'\r\nuntil close', CLOSES),
    (GET + NEXT, FOUND + b'\r\nuntil close', CLOSES),
    (GET + NEXT, FOUND + b'Connection: close\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET + NEXT, FOUND + b'Connection: Keep-Alive\r\nKeep-Alive: 3\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET + NEXT, b'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET + NEXT, b'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET_10, b'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (CLOSE + NEXT, FOUND + b'Content-Length: 2\r\n\r\nok', STAYS),
    (CLOSE, CHUNKED + b'2\r\nok\r\n0\r\n\r\n', STAYS),
    (CLOSE, FOUND + b'\r\nabc', CLOSES),
    (HEAD + NEXT, FOUND + b'Content-Length: 20\r\n\r\n', STAYS),
    (HEAD + NEXT, FOUND + b'\r\n', STAYS),
    (HEAD + NEXT, CHUNKED + b'', STAYS),
    (HEAD + NEXT, FOUND + b'Content-Length: 2\r\n\r\nok', STAYS),
    (HEAD, FOUND + b'Content-Length: x\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 204 No\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 304 No\r\n\r\n', STAYS),
    (GET + NEXT, b'HTTP/1.1 205 No\r\n\r\n', CLOSES),
    (GET + NEXT, CONTINUE + OK, STAYS),
    (GET_10, CONTINUE + OK, STAYS),
    (GET + NEXT, CONTINUE * 5 + OK, STAYS),
    (GET, b'HTTP/1.1 100 Continue\r\nX: y\r\nContent-Length: 3\r\n\r\n' + OK, STAYS),
    (GET, b'HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n' + OK, STAYS),
    (GET, b'HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\n\r\nHTTP/1.1 199 E\r\n\r\n' + OK, STAYS),
    (GET, b'HTTP/1.1 100 Continue\r\n\r\n', STAYS),
    (GET, b'HTTP/1.1 100 Continue\r\n\r\n', CLOSES),
    (GET, b'HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n' + OK, STAYS),
    (GET, b'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc', STAYS),
    (GET, b'HTTP/1.1 101 S\r\n\r\nabc', STAYS),
    (UPGRADE, b'HTTP/1.1 101 S\r\n\r\nabc', CLOSES),
    (UPGRADE, b'HTTP/1.1 101 S\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\nabc', CLOSES),
    (UPGRADE, SWITCH + b'Content-Length: 5\r\n\r\nabc', CLOSES),
    (UPGRADE, SWITCH + b'Transfer-Encoding: chunked\r\n\r\nabc', CLOSES),
    (UPGRADE + NEXT, b'HTTP/1.1 426 S\r\nUpgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (UPGRADE, FOUND + b'Connection: close\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (WEBSOCKET, TO_WEBSOCKET + b'\r\nabc', CLOSES),
    (WEBSOCKET, TO_WEBSOCKET + b'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nabc', CLOSES),
    (WEBSOCKET, TO_WEBSOCKET + b'Sec-WebSocket-Accept: wrong\r\n\r\nabc', CLOSES),
    (CONNECT, FOUND + b'Content-Length: 2\r\n\r\nokmore', CLOSES),
    (CONNECT, CHUNKED + b'okmore', CLOSES),
    (CONNECT, b'HTTP/1.1 201 x\r\n\r\nabc', CLOSES),
    (CONNECT, b'HTTP/1.1 403 x\r\nContent-Length: 2\r\n\r\nno', STAYS),
    (CONNECT, FOUND + b'Connection: close\r\n\r\nabc', CLOSES),
    (GET, FOUND + b'Content-Length: 2, 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 2\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 02\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: -2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length:\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 2 \r\n\r\nok', STAYS),
    (GET + NEXT, FOUND + b'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding: chunked, gzip\r\n\r\n2\r\nok\r\n0\r\n\r\n', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: gzip\r\n\r\nabc', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: xchunked\r\n\r\nabc', CLOSES),
    (GET, FOUND + b'Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, CHUNKED + b'2;x=y\r\nok\r\n0\r\n\r\n', STAYS),
    (GET, CHUNKED + b'2 \r\nok\r\n0\r\n\r\n', STAYS),
    (GET, CHUNKED + b'ffffffffffffffff\r\nok', STAYS),
    (GET, CHUNKED + b'2\r\nokX\r\n0\r\n\r\n', STAYS),
    (GET, CHUNKED + b'0\r\nX: y\r\nZ: w\r\n\r\n', STAYS),
    (GET, CHUNKED + b'0\r\nX y\r\n\r\n', STAYS),
    (GET, CHUNKED + b'\r\n', STAYS),
    (GET, b'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', STAYS),
    (GET, b'HTTP/1.1  200  OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 200 OK \r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b' ' + OK, STAYS),
    (GET, b'HTTP/1.1\t200\tOK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'http/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 200 \xe4\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 -200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 999 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 99999 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/3.0 200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/11.1 200 OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
    (GET, b'ICY 200 OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
    (GET, b'HTTP/1.1 200OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
    (GET, b'HTTP/1.1200 OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
    (GET, b'<html>', CLOSES),
    (GET, b'<html>', STAYS),
    (GET, FOUND + b' X: y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X: y\r\n z\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X : y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b': y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X\x80: y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X: \x80\x01\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Host: a\r\nHost: b\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'TE: gzip\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Connection: x, close\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Connection: x\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X: y\r\n' * 99 + b'Content-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X: y\r\n' * 100 + b'Content-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'X: y\r\n' * 101 + b'Content-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'N' * 256 + b': y\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, FOUND + b'Content-Length: 2\r\n\r\nok' + OK, STAYS),
    (GET + NEXT, FOUND + b'Content-Length: 2\r\n\r\nok' + OK, STAYS),
    (GET, FOUND + b'Content-Length: 0\r\n\r\n', CLOSES),
    (GET + NEXT, FOUND + b'Content-Length: 0\r\n\r\n', STAYS),
)

# HAProxy passes these on, one way or the other, and wproxy answers 502: a client may read them otherwise.
REFUSED: tuple[Row, ...] = (
    (GET, b'HTTP/1.1 99 x\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, FOUND + b'X: a\x00\r\nContent-Length: 0\r\n\r\n', STAYS),
    (GET, FOUND + b'Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc', CLOSES),
    (GET, CHUNKED + b'2\nok\n0\n\n', STAYS),
    (GET, b'HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 0200 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'HTTP/1.1 100000 OK\r\nContent-Length: 2\r\n\r\nok', STAYS),
    (GET, b'RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', CLOSES),
)
# fmt: on


def case(row: Row, *, size: int | None = None) -> Case:
    """Return a case in which the server answers in one piece, or in pieces of `size` bytes."""
    request, answer, closes = row
    name = repr(row) if len(answer) < 300 else f"{request!r} {answer[:60]!r} … {answer[-60:]!r}, {len(answer)} bytes"
    return Case(name, says(request), answers(answer, OK, closes=closes, size=size))


def filled(size: int) -> bytes:
    """Return an answer whose head has `size` bytes."""
    begin, end = FOUND + b"Content-Length: 2\r\nX: ", b"\r\n\r\n"
    return begin + b"x" * (size - len(begin) - len(end)) + end + b"ok"


def test_responses_in_one_piece() -> None:
    differing = compare([case(row) for row in RESPONSES])
    assert not differing, report(differing)


def test_responses_byte_by_byte() -> None:
    """In pieces they mean the same; of a bad one a part may have gone out before, as in HAProxy."""
    rows = [row for row in RESPONSES if len(row[1]) < 1000 and NEXT not in row[0]]
    for _ in range(3):  # on a busy machine a byte may come after a timeout
        rows = differ_in_bytes(rows)
        if not rows:
            break
    assert not rows


def differ_in_bytes(rows: list[Row]) -> list[Row]:
    whole = run("wproxy", [case(row) for row in rows])
    apart = run("wproxy", [case(row, size=1) for row in rows])
    return [
        row
        for row, one, other in zip(rows, whole, apart, strict=True)
        if not one.client.startswith(b"HTTP/1.1 502 ") and (other.client, other.end) != (one.client, one.end)
    ]


def test_the_longest_head() -> None:
    sizes = [*range(15_000, 16_500, 100), *range(15_260, 15_280)]
    differing = compare([case((GET, filled(size), STAYS)) for size in dict.fromkeys(sizes)])
    assert not differing, report(differing)


def test_what_wproxy_alone_refuses() -> None:
    for row, seen in zip(REFUSED, run("wproxy", [case(row) for row in REFUSED]), strict=True):
        assert seen.client.startswith(b"HTTP/1.1 502 "), row
