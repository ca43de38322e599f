"""Tunnels: connections upgraded to another protocol, and CONNECT."""

from __future__ import annotations

import asyncio

from tests.support.http_beside import Act, Case, Talk, answers, compare, report, says

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
UPGRADE = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
SWITCHES = b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello"
CONNECT = b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"


def serves(answer: bytes, *, ends: bool = False) -> Act:
    """Open the tunnel, answer a ping, and say farewell when the client has ended its side."""

    async def act(talk: Talk) -> None:
        await talk.hear_until(b"\r\n\r\n")
        await talk.say(answer)
        await talk.hear_until(b"ping")
        await talk.say(b"pong")
        if ends:
            talk.close()
            return
        await talk.hear_to_end()
        await talk.say(b"bye")

    return act


def pings(request: bytes, mark: bytes, *, half_closes: bool = False, pause_s: float = 0.0) -> Act:
    """Ask for the tunnel, and say ping in it."""

    async def act(talk: Talk) -> None:
        await talk.say(request)
        await talk.hear_until(mark)
        await talk.say(b"pi")
        await asyncio.sleep(pause_s)
        await talk.say(b"ng")
        if half_closes and await talk.hear_until(b"pong"):
            talk.half_close()
        await talk.hear_to_end()

    return act


def check(*cases: Case) -> None:
    differing = compare(cases)
    assert not differing, report(differing)


def test_upgrades() -> None:
    check(
        Case("client ends", pings(UPGRADE, b"hello", half_closes=True), serves(SWITCHES)),
        Case("server ends", pings(UPGRADE, b"hello"), serves(SWITCHES, ends=True)),
        Case("what follows at once", says(UPGRADE + b"ping"), serves(SWITCHES)),
        Case("refused", says(UPGRADE + NEXT), answers()),
        Case("refused, once", says(UPGRADE + NEXT), answers(b"HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n")),
    )


def test_connect() -> None:
    opened = b"HTTP/1.1 200 OK\r\n\r\n"
    check(
        Case("client ends", pings(CONNECT, b"\r\n\r\n", half_closes=True), serves(opened)),
        Case("server ends", pings(CONNECT, b"\r\n\r\n"), serves(opened, ends=True)),
        Case("what follows at once", says(CONNECT + b"ping"), serves(opened)),
        Case("refused", says(CONNECT + NEXT), answers(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")),
    )


def test_timeouts() -> None:
    idle = pings(UPGRADE, b"hello")
    half = pings(UPGRADE, b"hello", half_closes=True)
    check(
        Case("shorter", idle, serves(SWITCHES), ("timeout tunnel 400ms",)),
        Case("longer", idle, serves(SWITCHES), ("timeout tunnel 2500ms",)),
        Case("used", pings(UPGRADE, b"hello", pause_s=0.6), serves(SWITCHES), ("timeout tunnel 1s",)),
        Case("not set", idle, serves(SWITCHES)),
        Case("client-fin", half, serves(SWITCHES), ("timeout tunnel 4s", "timeout client-fin 300ms")),
    )
