"""Clients and servers that do not tell the truth: forged fields and cookies, lengths that are wrong, slow messages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare, compare_logs, report, says

FORGED = (
    b"X-Forwarded-For: 1.2.3.4\r\n",
    b"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 127.0.0.1\r\n",
    b"X-Forwarded-For: 1.2.3.4, 5.6.7.8,\r\n",
    b"x-forwarded-for: evil\r\nX-FORWARDED-FOR: worse\r\n",
    b"X-Forwarded-For: \r\n",
    b"X-Forwarded-For: a\r\n b\r\n",
    b"X-Forwarded-For: \xff\xfe\r\n",
    b"X_Forwarded_For: 1.2.3.4\r\n",
    b"X-Original-To: 9.9.9.9\r\nX-Client: 1\r\nX-Client: 2\r\n",
    b"X-Real-IP: 1\r\nForwarded: for=1.2.3.4\r\n",
    b"Connection: X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n",
)
PROXIED = b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\r\n"  # so that there is an address to tell
OPTIONS = {
    "always": ("option forwardfor",),
    "if none": ("option forwardfor if-none",),
    "if none, another": ("option forwardfor header X-Client if-none",),
    "except": ("option forwardfor except 10.9.0.0/16",),
    "except, if none": ("option forwardfor except 10.9.0.0/16 if-none",),
    "except others": ("option forwardfor except 10.10.0.0/16 if-none", "option originalto"),
    "taken away": ("http-request del-header X-Forwarded-For", "option forwardfor"),
    "set": ("http-request set-header X-Forwarded-For %[src]",),
    "asked": ("http-request set-header x %[req.hdr_ip(x-forwarded-for,-1)]|%[hdr_cnt(x-forwarded-for)]",),
    "denied": ("http-request deny if { hdr_ip(x-forwarded-for) 1.2.3.4 }",),
}
COOKIES = (
    b"Cookie: S=a\r\n",
    b"Cookie: S=b\r\n",
    b"Cookie: S=c\r\n",
    b"Cookie: S=\r\n",
    b"Cookie: S=a; S=b\r\n",
    b"Cookie: S=a\r\nCookie: S=b\r\n",
    b'Cookie: S="a"\r\n',
    b"Cookie: $S=a; S =a; s=b\r\n",
    b"Cookie: x=y; S=a;S=b ; \xff=\xfe\r\n",
    b"Cookie: S=a~b; ;;=;S\r\n",
    b"Cookie: " + b"x=y; " * 2000 + b"S=b\r\n",
    b"Cookie: S=" + b"a" * 5000 + b"\r\n",
    b"Cookie:S=b\r\n",
    b"Cookie: S=a|YWJj|YWJj\r\n",
    b"Cookie2: S=b\r\n",
)
MODES = {
    "insert": "cookie S insert indirect",
    "insert, preserve": "cookie S insert indirect preserve",
    "prefix": "cookie S prefix",
    "rewrite": "cookie S rewrite",
    "dates": "cookie S insert indirect maxidle 60s maxlife 1h",
}


_DATES = re.compile(rb"\|[A-Za-z0-9+/]{5}(?=[|;])")  # in cookies


def check(cases: Sequence[Case], *, logs: bool = True) -> None:
    """Compare what clients and servers see and, with `logs`, what is logged."""
    differing = compare(cases, look=lambda seen: (_DATES.sub(b"", seen.client), seen.servers))
    assert not differing, report(differing)
    if logs:
        different = compare_logs(cases)
        assert not different, report(different)


def get(fields: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"


@pytest.mark.parametrize("option", OPTIONS)
def test_forged_addresses(option: str) -> None:
    check(
        [
            Case(str(fields), says(PROXIED + get(fields)), answers(), OPTIONS[option], bind="accept-proxy")
            for fields in FORGED
        ],
        logs=False,
    )


@pytest.mark.parametrize("mode", MODES)
def test_forged_cookies(mode: str) -> None:
    """A cookie that names no server, or several, leads nowhere else than with HAProxy, and is not passed on."""
    lines = (
        MODES[mode],
        "server a unix@/nowhere/at.all cookie a",
        "retries 1",
        "option redispatch",
    )
    told = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: S=x\r\n\r\n"
    check([Case(str(fields[:60]), says(get(fields)), answers(told), lines, "cookie b") for fields in COOKIES])


def tells(*pieces: bytes, closes: bool = False, pause_s: float = 0.05) -> Act:
    async def act(talk: Talk) -> None:
        await talk.hear_until(b"\r\n\r\n")
        for piece in pieces:
            await talk.say(piece)
            await asyncio.sleep(pause_s)
        if closes:
            talk.close()
        else:
            await talk.hear_to_end()

    return act


POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"


def test_lengths_that_are_wrong() -> None:
    short = HEAD + b"Content-Length: 10\r\n\r\nabc"
    long = HEAD + b"Content-Length: 3\r\n\r\nabcdef"
    chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    check(
        [
            Case("too few, and the end", says(GET + NEXT), tells(short, closes=True)),
            Case("too few, and nothing", says(GET + NEXT), tells(short)),
            Case("too many", says(GET), tells(long)),
            Case("too many, later", says(GET), tells(long[:-3], b"def")),
            Case("too many, a whole answer", says(GET + NEXT), tells(OK + OK)),
            Case("a body for HEAD", says(GET.replace(b"GET", b"HEAD") + NEXT), tells(short)),
            Case("a body with 304", says(GET + NEXT), tells(b"HTTP/1.1 304 No\r\nContent-Length: 3\r\n\r\nabc")),
            Case("a body with 204", says(GET + NEXT), tells(b"HTTP/1.1 204 No\r\n\r\nabc")),
            Case("a chunk that ends", says(GET + NEXT), tells(chunks + b"a\r\nabc", closes=True)),
            Case("no last chunk", says(GET + NEXT), tells(chunks + b"3\r\nabc\r\n", closes=True)),
            Case("more behind the last", says(GET), tells(chunks + b"3\r\nabc\r\n0\r\n\r\nevil")),
            Case("two lengths", says(GET), tells(HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")),
            Case("the same twice", says(GET), tells(HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc")),
            Case("a length and chunks", says(GET),
                 tells(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")),
            Case("a request that is short", says(POST + b"Content-Length: 9\r\n\r\nabc"), tells()),
            Case("a request that is long", says(POST + b"Content-Length: 3\r\n\r\nabcdef"), answers()),
        ],
    )  # fmt: skip


def drips(data: bytes, pause_s: float = 0.1) -> Act:
    """Say a byte at a time until the end comes."""

    async def act(talk: Talk) -> None:
        hearing = asyncio.get_running_loop().create_task(talk.hear_to_end())
        for byte in data:
            if hearing.done():
                break
            await talk.say(bytes([byte]))
            await asyncio.sleep(pause_s)
        await hearing

    return act


@pytest.mark.long
def test_slow_clients() -> None:
    """`timeout http-request` is for the whole head, and no byte starts it anew; a body's is between two bytes."""
    head = ("timeout http-request 500ms",)
    client = ("timeout client 300ms", "timeout server 5s")
    patient = ("timeout client 1s", "timeout http-keep-alive 300ms", "timeout server 5s")
    body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"
    chunks = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    def then(first: bytes, rest: bytes, pause_s: float = 0.1) -> Act:
        async def act(talk: Talk) -> None:
            await talk.say(first)
            await drips(rest, pause_s)(talk)

        return act

    check(
        [
            Case("a head", drips(GET), lines=head),
            Case("fields without end", then(GET[:-2], b"x: y\r\n" * 5), lines=head),
            Case("a second head", then(GET, GET), lines=head),
            Case("a body", then(body, b"abcdefgh"), lines=head),
            Case("chunks", then(chunks, b"3\r\nabc\r\n0\r\n\r\n"), lines=head),
            Case("a body, slower than the client may be", then(body, b"ab", 1.2), lines=client),
            Case("a body, not that slow", then(body, b"abcdefgh", 0.2), lines=patient),
            Case("a head, timeout client", drips(GET[:8]), lines=("timeout client 500ms",)),
            Case("a head and a body", then(body, b"abc"), lines=(*head, "timeout client 900ms")),
            Case("empty lines", drips(b"\r\n" * 5), lines=head),
        ]
    )
