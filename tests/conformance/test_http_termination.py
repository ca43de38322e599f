"""What the log says of how requests ended: server, phases that were reached, status, termination, retries, queues."""

from __future__ import annotations

import asyncio

from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare_logs, report, says, tells

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
POST_9 = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
FOUND = b"HTTP/1.1 200 OK\r\n"
FOUND_CHUNKED = FOUND + b"Transfer-Encoding: chunked\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"


def apart(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=0.2)


def leaves(request: bytes, *, after_s: float = 0.2) -> Act:
    async def act(talk: Talk) -> None:
        await talk.say(request)
        await asyncio.sleep(after_s)
        talk.close()

    return act


async def dies_under_the_second(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(OK)
    await talk.hear_until(b"\r\n\r\n", 2)
    talk.close()


def crowded(*, half_closes: bool = False) -> Act:
    async def act(talk: Talk) -> None:
        await talk.say(GET)
        await asyncio.sleep(0.1)
        other = await talk.another()
        await other.say(GET)
        await asyncio.sleep(0.1)
        if half_closes:
            other.half_close()

    return act


late = tells(OK, after_s=0.9)
CASES = (
    Case("well", says(GET + NEXT)),
    Case("no request", says(b"")),
    Case("half a head", says(b"GET / H")),
    Case("no head", says(b"junk\r\n\r\n")),
    Case("no response", says(GET), tells(b"")),
    Case("half a body of a request", says(POST_9), tells(b"")),
    Case("bad size", apart(CHUNKED, b"x\r\n")),
    Case("bad second size", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n"), tells(b"")),
    Case("bad size after the response", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n"), tells(OK)),
    Case("bad size with the head", says(CHUNKED + b"x\r\n")),
    Case("early answer", says(POST_9), tells(TOO_LARGE)),
    Case("early answer and end", says(POST_9), tells(TOO_LARGE, closes=True)),
    Case("early answer and end, and the rest", apart(POST_9, b"", b"defghi"), tells(TOO_LARGE, closes=True)),
    Case("no status line", says(GET), tells(b"junk\r\n\r\n")),
    Case("bad head", says(GET), tells(FOUND + b"Content-Length: x\r\n\r\n")),
    Case("bad size of a response", says(GET), tells(FOUND_CHUNKED + b"x\r\n")),
    Case("server ends under a request", says(GET), tells(b"", closes=True)),
    Case("server ends in a head", says(GET), tells(FOUND + b"Conte", closes=True)),
    Case("server ends in a body", says(GET), tells(FOUND + b"Content-Length: 9\r\n\r\nabc", closes=True)),
    Case("server stops in a body", says(GET), tells(FOUND + b"Content-Length: 9\r\n\r\nabc")),
    Case("server ends under the second", apart(GET, NEXT), dies_under_the_second),
    Case("another protocol", says(GET), tells(b"HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")),
    Case("upgrade refused", says(UPGRADE), answers()),
    Case("client leaves, abortonclose", leaves(GET), late, ("option abortonclose",)),
    Case("no time in the queue", crowded(), late, ("timeout queue 150ms",), "maxconn 1"),
    Case("leaves the queue", crowded(half_closes=True), late, ("option abortonclose",), "maxconn 1"),
)


def test_terminations() -> None:
    differing = compare_logs(CASES, each=True)
    assert not differing, report(differing)
