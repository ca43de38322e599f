"""How long connections live on either side: connection modes, reuse, pipelines, timeouts between requests, queues."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest

from tests.support.beside_http import receive
from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare, report, says
from tests.support.http_server import recording_server
from tests.support.proxies import proxy

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKS = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
CLOSE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

MODES: dict[str, tuple[str, ...]] = {
    "default": (),
    "http-keep-alive": ("option http-keep-alive",),
    "http-server-close": ("option http-server-close",),
    "httpclose": ("option httpclose",),
}
REQUESTS = {
    "two": GET + NEXT,
    "1.0": b"GET / HTTP/1.0\r\n\r\n",
    "1.0 keep-alive": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + NEXT,
    "close": CLOSE + NEXT,
    "upgrade": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + NEXT,
}
ANSWERS = {
    "1.1": OK,
    "keep-alive": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
    "close": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
    "1.0": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "no length": b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
}


def check(*cases: Case) -> None:
    differing = compare(cases)
    assert not differing, report(differing)


def apart(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=0.2)


def test_connection_modes() -> None:
    check(
        *(
            Case(f"{mode}, {request}, {answer}", says(asked), answers(told, closes=answer == "no length"), lines)
            for mode, lines in MODES.items()
            for request, asked in REQUESTS.items()
            for answer, told in ANSWERS.items()
        )
    )


async def two_clients(talk: Talk) -> None:
    """Two clients with two requests each, the second's between the first's."""
    await talk.say(GET)
    await talk.hear_until(b"ok")
    other = await talk.another()
    await other.say(GET)
    await other.hear_until(b"ok")
    await other.say(NEXT)
    await other.hear_until(b"ok", 2)
    await talk.say(NEXT)
    await talk.hear_until(b"ok", 2)
    talk.close()
    other.close()


async def one_after_the_other(talk: Talk) -> None:
    await talk.say(GET)
    await talk.hear_until(b"ok")
    talk.close()
    other = await talk.another()
    await other.say(GET + NEXT)
    await other.hear_until(b"ok", 2)
    other.close()


@pytest.mark.parametrize("reuse", ["never", "always"])
def test_reuse(reuse: str) -> None:
    """The two modes in which HAProxy does not estimate how many connections it may need."""
    lines = (f"http-reuse {reuse}",)
    check(
        Case("two clients", two_clients, lines=lines),
        Case("one after the other", one_after_the_other, lines=lines),
    )


def test_what_is_not_reused() -> None:
    check(
        Case("pool-max-conn 0", two_clients, words="pool-max-conn 0"),
        Case("pool-max-conn 0, always", two_clients, lines=("http-reuse always",), words="pool-max-conn 0"),
        Case("never, send-proxy", two_clients, lines=("http-reuse never",), words="send-proxy"),
        Case("never, send-proxy, later", one_after_the_other, lines=("http-reuse never",), words="send-proxy"),
    )


def test_servers_are_told_who_the_client_is(tmp_path: Path) -> None:
    """A connection that has been introduced as one client's serves no other."""

    def heard(program: str) -> list[bytes]:
        with recording_server() as server:
            lines = ("http-reuse always", f"server s 127.0.0.1:{server.port} send-proxy")
            with proxy(program, tmp_path, *lines, mode="http") as made:
                for source in ("127.0.0.2", "127.0.0.3"):
                    with socket.create_connection(("127.0.0.1", made.port), 10.0, (source, 0)) as client:
                        for _ in range(2):
                            client.sendall(GET)
                            assert receive(client).endswith(b"ok")
            return [re.sub(rb"( 127.0.0.1) [0-9]+ [0-9]+", rb"\1", each) for each in server.heard()]

    assert heard("wproxy") == heard("haproxy")
    assert [each.partition(b"\r\n")[0] for each in heard("wproxy")] == [
        b"PROXY TCP4 127.0.0.2 127.0.0.1",
        b"PROXY TCP4 127.0.0.3 127.0.0.1",
    ]


def test_timeouts_between_requests() -> None:
    request, keep_alive = "timeout http-request 300ms", "timeout http-keep-alive 300ms"
    check(
        Case("http-keep-alive", says(GET), lines=(keep_alive,)),
        Case("http-request, in a head", says(b"GET / H"), lines=(request,)),
        Case("http-request, before a head", says(b""), lines=(request,)),
        Case("http-request, before the second", says(GET), lines=(request,)),
        Case("http-request, in the second", apart(GET, b"GET / H"), lines=(request, "timeout http-keep-alive 2s")),
        Case("http-request, a slow head", apart(GET, b"GET / ", b"H", b"T", b"T"), lines=(request,)),
        Case("http-request, a body", apart(GET + POST[:-1], b"", b"", b"c"), lines=(request,)),
        Case("http-keep-alive, empty lines", apart(GET, b"\r\n", b"\r\n", b"\r\n"), lines=(keep_alive,)),
    )


def test_pipelines() -> None:
    check(
        Case("requests", says(NEXT * 300)),
        Case("requests in pieces", says(*(bytes([byte]) for byte in NEXT * 10))),
        Case("the last one closes", says(NEXT * 100 + CLOSE + NEXT)),
        Case("bodies", says((POST + CHUNKS) * 20)),
        Case("one that is none", says(NEXT * 20 + b"junk\r\n\r\n" + NEXT)),
        Case("chunks both ways", says(CHUNKS * 20), answers(ANSWERS["chunked"])),
    )


async def takes_its_time(talk: Talk) -> None:
    count = 1
    while await talk.hear_until(b"\r\n\r\n", count):
        await asyncio.sleep(0.4)
        await talk.say(OK)
        count += 1


def queues(clients: int) -> Act:
    """Clients that come one after the other, while the first has not got its answer."""

    async def act(talk: Talk) -> None:
        await talk.say(GET)
        for _ in range(clients - 1):
            await asyncio.sleep(0.1)
            await (await talk.another()).say(CLOSE)

    return act


async def leaves_the_queue(talk: Talk) -> None:
    await talk.say(GET)
    await asyncio.sleep(0.1)
    other = await talk.another()
    await other.say(GET)
    await asyncio.sleep(0.1)
    other.half_close()


async def half_closes(talk: Talk) -> None:
    await talk.say(GET)
    await asyncio.sleep(0.1)
    talk.half_close()


def test_queues() -> None:
    differing = compare(
        [
            Case("two", queues(2), takes_its_time, words="maxconn 1"),
            Case("three", queues(3), takes_its_time, words="maxconn 1"),
            Case("no time", queues(2), takes_its_time, ("timeout queue 150ms",), "maxconn 1"),
            Case("no room", queues(4), takes_its_time, words="maxconn 1 maxqueue 1"),
            Case("one leaves", leaves_the_queue, takes_its_time, words="maxconn 1"),
            Case("one leaves, abortonclose", leaves_the_queue, takes_its_time, ("option abortonclose",), "maxconn 1"),
            Case("abortonclose", half_closes, takes_its_time, ("option abortonclose",)),
        ],
        # How many idle connections are kept then is HAProxy's estimate.
        look=lambda seen: (seen.client, seen.end, seen.others, [heard for heard, _ in seen.servers]),
    )
    assert not differing, report(differing)
