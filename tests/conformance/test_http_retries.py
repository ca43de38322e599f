"""Servers that refuse, close or do not answer in mode http: retries, `option redispatch`, `timeout connect`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.support.http_beside import GET, OK, Act, Case, Talk, compare, compare_logs, report, says
from tests.support.tcp_server import full_backlog

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
REFUSES = "server dead 127.0.0.1:1"
ABSENT = "server absent unix@/nowhere/at.all"
QUICK = "timeout connect 200ms"  # which is also the pause between two attempts


def check(cases: Sequence[Case]) -> None:
    """Compare what clients and servers see, and what is logged."""
    differing = compare(cases)
    assert not differing, report(differing)
    different = compare_logs(cases, each=True)
    assert not different, report(different)


def apart(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=0.2)


async def closes_at_once(talk: Talk) -> None:
    talk.close()


async def closes_when_asked(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    talk.close()


async def closes_after_the_first(talk: Talk) -> None:
    """Answer one request, and close while the connection is idle."""
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(OK)
    await asyncio.sleep(0.05)
    talk.close()


async def closes_under_the_second(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(OK)
    await talk.hear_until(b"\r\n\r\n", 2)
    talk.close()


def test_servers_that_refuse() -> None:
    again = "option redispatch"
    check(
        [
            Case("alone", says(GET), words="disabled", lines=(REFUSES, QUICK, "retries 0")),
            Case("alone, retries", says(GET), words="disabled", lines=(REFUSES, QUICK, "retries 2")),
            Case("alone, redispatch", says(GET), words="disabled", lines=(REFUSES, QUICK, "retries 2", again)),
            Case("one of two", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 2")),
            Case("one of two, none", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 0")),
            Case("one of two, redispatch", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 2", again)),
            Case("one of two, redispatch, once", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 1", again)),
            Case("one of two, redispatch, none", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 0", again)),
            Case("every", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 3", f"{again} 1")),
            Case("every second", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 3", f"{again} 2")),
            Case("the last but one", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 3", f"{again} -2")),
            Case("first", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 3", again, "balance first")),
            Case("source", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 2", again, "balance uri")),
            Case("source, stays", says(GET + NEXT), lines=(REFUSES, QUICK, "retries 2", "balance uri")),
            Case("a body", says(POST + GET), lines=(REFUSES, QUICK, "retries 2", again)),
            Case("no socket", says(GET + NEXT), lines=(ABSENT, QUICK, "retries 2", again)),
            Case("backup", says(GET), words="backup", lines=(REFUSES, QUICK, "retries 2", again)),
            Case("a cookie", says(GET.replace(b"Host", b"Cookie: S=dead\r\nHost") * 2), words="cookie s",
                 lines=(f"{REFUSES} cookie dead", QUICK, "retries 2", again, "cookie S insert indirect")),
            Case("a cookie, no redispatch", says(GET.replace(b"Host", b"Cookie: S=dead\r\nHost")), words="cookie s",
                 lines=(f"{REFUSES} cookie dead", QUICK, "retries 2", "cookie S insert indirect")),
        ]
    )  # fmt: skip


def test_servers_that_close() -> None:
    again = ("retries 2", "option redispatch", QUICK)
    check(
        [
            Case("at once", says(GET), closes_at_once, again),
            Case("at once, a body", says(POST), closes_at_once, again),
            Case("when asked", says(GET), closes_when_asked, again),
            Case("when asked, a body", says(POST), closes_when_asked, again),
            Case("while idle", apart(GET, NEXT), closes_after_the_first, again),
            Case("while idle, a body", apart(GET, POST), closes_after_the_first, again),
            Case("under the second", apart(GET, NEXT), closes_under_the_second, again),
            Case("under the second, reuse always", apart(GET, NEXT), closes_under_the_second,
                 (*again, "http-reuse always")),
            Case("under the second body", apart(GET, POST), closes_under_the_second, again),
        ]
    )  # fmt: skip


def test_servers_that_never_answer() -> None:
    """A listening socket whose queue is full lets connections hang until `timeout connect` ends them."""
    again = "option redispatch"
    impatient = ("timeout connect 600ms", "timeout client 300ms", "retries 0")
    with full_backlog() as port:
        hangs = f"server hangs 127.0.0.1:{port}"
        also = f"server also 127.0.0.1:{port}"
        check(
            [
                Case("alone", says(GET), words="disabled", lines=(hangs, QUICK, "retries 0")),
                Case("alone, retries", says(GET), words="disabled", lines=(hangs, QUICK, "retries 2")),
                Case("alone, redispatch", says(GET), words="disabled", lines=(hangs, QUICK, "retries 2", again)),
                Case("alone, two requests", says(GET + NEXT), words="disabled", lines=(hangs, QUICK, "retries 1")),
                Case("apart", says(GET, NEXT, pause_s=0.6), words="disabled", lines=(hangs, QUICK, "retries 0")),
                Case("then one that refuses", says(GET + NEXT), words="disabled",
                     lines=(hangs, REFUSES, QUICK, "retries 1", f"{again} 1")),
                Case("after one that refuses", says(GET + NEXT), words="disabled",
                     lines=(REFUSES, hangs, QUICK, "retries 1", f"{again} 1")),
                Case("two of them", says(GET), words="disabled", lines=(hangs, also, QUICK, "retries 2", again)),
                Case("one of two", says(GET + NEXT), lines=(hangs, QUICK, "retries 2")),
                Case("one of two, redispatch", says(GET + NEXT), lines=(hangs, QUICK, "retries 2", again)),
                Case("every", says(GET + NEXT), lines=(hangs, QUICK, "retries 3", f"{again} 1")),
                Case("source, redispatch", says(GET), lines=(hangs, QUICK, "retries 2", again, "balance uri")),
                Case("a body", says(POST), words="disabled", lines=(hangs, QUICK, "retries 1")),
                Case("backup", says(GET), words="backup", lines=(hangs, QUICK, "retries 2", again)),
                Case("an impatient client", says(GET), words="disabled", lines=(hangs, *impatient)),
                Case("half a body", says(POST[:-1]), words="disabled", lines=(hangs, *impatient)),
            ]
        )  # fmt: skip
