"""Between request and response: bodies that stop, early answers, Expect, servers and clients that leave."""

from __future__ import annotations

import asyncio

from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare, report, says, tells

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
POST_3 = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
POST_9 = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n"
EXPECTING = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"
TOO_LARGE_CLOSE = b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"
FOUND = b"HTTP/1.1 200 OK\r\n"
FOUND_10 = FOUND + b"Content-Length: 10\r\n\r\n"
FOUND_CHUNKED = FOUND + b"Transfer-Encoding: chunked\r\n\r\n"

IMPATIENT_CLIENTS = ("timeout client 600ms", "timeout server 3s")
IMPATIENT_SERVERS = ("timeout client 3s", "timeout server 600ms")
PAUSE_S = 0.2


async def silent(talk: Talk) -> None:
    await talk.hear_to_end()


def goes_on_after(mark: bytes, first: bytes, second: bytes) -> Act:
    """Write the second piece a while after the answer to the first has come."""

    async def act(talk: Talk) -> None:
        await talk.say(first)
        await talk.hear_until(mark)
        await asyncio.sleep(PAUSE_S)
        await talk.say(second)
        await talk.hear_to_end()

    return act


def half_closes(*pieces: bytes) -> Act:
    """Write `pieces`, then end its side and read on."""

    async def act(talk: Talk) -> None:
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(PAUSE_S)
            await talk.say(piece)
        talk.half_close()
        await talk.hear_to_end()

    return act


async def half_closes_in_the_third_head(talk: Talk) -> None:
    """End its side when the second answer is there: the beginning of the third head, sent with it, has been read then.

    HAProxy answers 400 or nothing according to whether it reads those bytes alone or together with the end.
    """
    await talk.say(GET)
    await talk.hear_until(b"ok")
    await talk.say(GET + b"GET / HT")
    await talk.hear_until(b"ok", 2)
    talk.half_close()
    await talk.hear_to_end()


def apart(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=PAUSE_S)


async def dies(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    talk.close()


async def dies_at_once(talk: Talk) -> None:
    talk.close()


async def dies_under_the_second(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(OK)
    await talk.hear_until(b"\r\n\r\n", 2)
    talk.close()


async def continues(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    await talk.hear_until(b"abc")
    await talk.say(OK)
    await talk.hear_to_end()


def check(*cases: Case) -> None:
    differing = compare(cases)
    assert not differing, report(differing)


def test_bodies_that_are_none() -> None:
    check(
        Case("the size", apart(CHUNKED, b"x\r\n")),
        Case("the second size", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n")),
        Case("the second size, silent server", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n"), silent),
        Case("the end of a chunk", apart(CHUNKED, b"3\r\nabcX", b"x\r\n"), silent),
        Case("after the response", apart(CHUNKED, b"3\r\nabc\r\n", b"x\r\n"), tells(OK)),
    )


def test_timeouts() -> None:
    """A server is waited for as long as its timeout says, even if it is the client who does not finish."""
    check(
        Case("body stops, client", apart(POST_9, b"abc"), silent, IMPATIENT_CLIENTS),
        Case("body stops, server", apart(POST_9, b"abc"), silent, IMPATIENT_SERVERS),
        Case("chunks stop, client", apart(CHUNKED, b"3\r\nabc\r\n"), silent, IMPATIENT_CLIENTS),
        Case("chunks stop, server", apart(CHUNKED, b"3\r\nabc\r\n"), silent, IMPATIENT_SERVERS),
        Case("body stops, answered, client", says(POST_9 + b"abc"), tells(TOO_LARGE), IMPATIENT_CLIENTS),
        Case("body stops, answered, server", says(POST_9 + b"abc"), tells(TOO_LARGE), IMPATIENT_SERVERS),
        Case("both stop, client", says(POST_9 + b"abc"), tells(FOUND_10 + b"abc"), IMPATIENT_CLIENTS),
        Case("both stop, server", says(POST_9 + b"abc"), tells(FOUND_10 + b"abc"), IMPATIENT_SERVERS),
        Case("head stops", says(b"POST / HT"), silent, IMPATIENT_CLIENTS),
        Case("no head", says(b""), silent, IMPATIENT_CLIENTS),
        Case("second head stops", apart(GET, b"POST / HT"), answers(), IMPATIENT_CLIENTS),
        Case("no second head", apart(GET), answers(), IMPATIENT_CLIENTS),
        Case("no response", says(GET + NEXT), silent, IMPATIENT_SERVERS),
        Case("no response to HTTP/1.0", says(b"GET / HTTP/1.0\r\n\r\n"), silent, IMPATIENT_SERVERS),
        Case("no end of the response", says(GET), tells(FOUND_10 + b"abc"), IMPATIENT_SERVERS),
        Case("no end of the head", says(GET), tells(FOUND + b"Content-Le"), IMPATIENT_SERVERS),
        Case("no end of the chunks", says(GET), tells(FOUND_CHUNKED + b"3\r\nabc\r\n"), IMPATIENT_SERVERS),
    )


def test_answers_before_the_request_has_ended() -> None:
    slow = goes_on_after(b"big", POST_9 + b"abc", b"defghi" + NEXT)
    slow_chunks = goes_on_after(b"big", CHUNKED + b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n" + NEXT)
    check(
        Case("stays", slow, tells(TOO_LARGE)),
        Case("closes", slow, tells(TOO_LARGE, closes=True)),
        Case("says close", slow, tells(TOO_LARGE_CLOSE)),
        Case("says close and does", slow, tells(TOO_LARGE_CLOSE, closes=True)),
        Case("chunked, stays", slow_chunks, tells(TOO_LARGE)),
        Case("chunked, says close", slow_chunks, tells(TOO_LARGE_CLOSE, closes=True)),
    )


def test_clients_that_end_their_side() -> None:
    later = tells(OK, after_s=0.4)
    check(
        Case("after a request", half_closes(GET), later),
        Case("after two", half_closes(GET + NEXT), answers()),
        Case("after two, apart", half_closes(GET, NEXT), answers()),
        Case("after a body", half_closes(POST_3, b"abc"), later),
        Case("in a body", half_closes(POST_9, b"abc"), silent),
        Case("in chunks", half_closes(CHUNKED, b"3\r\nabc\r\n"), silent),
        Case("in a head", half_closes(b"GET / HT"), silent),
        Case("in the second head", half_closes(GET, b"GET / HT")),
        Case("in the third head", half_closes_in_the_third_head),
        Case("after an empty line", half_closes(GET, b"\r\n")),
        Case("at once", half_closes(b"")),
        Case("after the response", half_closes(GET, b"")),
    )


def test_expect() -> None:
    check(
        Case("100", goes_on_after(b"100", EXPECTING, b"abc"), continues),
        Case("417", goes_on_after(b"417", EXPECTING, b""), tells(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")),
        Case("417 and a body", goes_on_after(b"417", EXPECTING, b"abc" + NEXT),
             tells(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")),
        Case("200 at once", goes_on_after(b"200", EXPECTING, b"abc"), tells(OK)),
        Case("body at once", says(EXPECTING + b"abc"), continues),
        Case("silence, client", says(EXPECTING), silent, IMPATIENT_CLIENTS),
        Case("silence, server", says(EXPECTING), silent, IMPATIENT_SERVERS),
    )  # fmt: skip


def test_servers_that_leave() -> None:
    check(
        Case("under the first request", says(GET), dies),
        Case("under two in one piece", says(GET + NEXT), dies),
        Case("under a body", says(POST_9 + b"abc"), dies),
        Case("before a request", says(GET + NEXT), dies_at_once),
        Case("in a head", says(GET), tells(FOUND + b"Conte", closes=True)),
        Case("in a body", says(GET + NEXT), tells(FOUND_10 + b"abc", closes=True)),
        Case("in a chunk", says(GET + NEXT), tells(FOUND_CHUNKED + b"3\r\nab", closes=True)),
        Case("while idle", apart(GET, NEXT), answers(closes=True)),
        Case("under the second request", apart(GET, NEXT), dies_under_the_second),
        Case("under the second body", apart(GET, POST_3 + b"abc"), dies_under_the_second),
    )
