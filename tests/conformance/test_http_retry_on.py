"""`retry-on` in mode http: which requests go out again, to which server, and what log and statistics tell of it.

Servers that fail say that they close, so that the next attempt has a connection of its own in both programs: the
n-th connection of a case is its n-th attempt.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.support.http_beside import GET, OK, Act, Case, Talk, answers, compare_told, report, says, tells

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
CHUNKS = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
REFUSES = "server dead 127.0.0.1:1"
QUICK = "timeout connect 200ms"  # which is also the pause between two attempts to connect to one server
ALL = ("retry-on all-retryable-errors", "retries 2", QUICK)
ELSEWHERE = (*ALL, "option redispatch 1")
PATIENT = "timeout server 1s"
COLUMNS = ("stot", "econ", "eresp", "wretr", "wredis", "lbtot", "hrsp_2xx", "hrsp_4xx", "hrsp_5xx")


def check(cases: Sequence[Case]) -> None:
    """Compare what clients and servers see, what is logged, and what is counted."""
    differing = compare_told(cases, *COLUMNS)
    assert not differing, report(differing)


def turns(*acts: Act) -> Act:
    """Have the case's n-th connection served by the n-th of `acts`, all further ones by the last."""

    async def act(talk: Talk) -> None:
        await acts[min(talk.number, len(acts) - 1)](talk)

    return act


def failing(status: int, body: bytes = b"no") -> Act:
    head = b"HTTP/1.1 %d No\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
    return answers(head + body, closes=True)


leaves = tells(b"", closes=True)
silent = tells(b"")


farewell = answers(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), closes=True)


async def resets(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    talk.writer.transport.abort()


async def leaves_under_the_second(talk: Talk) -> None:
    await talk.hear_until(b"\r\n\r\n")
    await talk.say(OK)
    await talk.hear_until(b"\r\n\r\n", 2)
    talk.close()


def test_each_kind_of_failure() -> None:
    """Every failure under every word that might be meant for it."""
    failures = {
        "empty": leaves,
        "reset": resets,
        "half a head": tells(b"HTTP/1.1 200 OK\r\nFoo: ", closes=True),
        "junk": tells(b"hello\r\n\r\n", closes=True),
        "500": failing(500),
    }
    words = ("conn-failure", "empty-response", "junk-response", "500", "404 empty-response", "none", "0rtt-rejected")
    check(
        [
            Case(f"{name} under {word}", says(GET), turns(act, answers()), (f"retry-on {word}", "retries 2"))
            for word in words
            for name, act in failures.items()
        ]
    )


@pytest.mark.parametrize("word", ["response-timeout", "empty-response"])
def test_servers_that_say_nothing(word: str) -> None:
    lines = (f"retry-on {word}", "retries 1", PATIENT)
    check(
        [
            Case("once", says(GET), turns(silent, answers()), lines),
            Case("always", says(GET), silent, lines),
            Case("half a head", says(GET), turns(tells(b"HTTP/1.1 200"), answers()), lines),
            Case("a body", says(POST), turns(silent, answers()), lines),
        ]
    )


def test_statuses() -> None:
    statuses = (401, 403, 404, 408, 425, 500, 501, 502, 503, 504)
    check(
        [Case(str(each), says(GET), turns(failing(each), answers()), (f"retry-on {each}",)) for each in statuses]
        + [Case(f"all {each}", says(GET), turns(failing(each), answers()), ALL) for each in (*statuses, 429, 505)]
    )


def test_when_all_attempts_are_used_up() -> None:
    never = ("retry-on all-retryable-errors", "retries 0")
    check(
        [
            Case("empty", says(GET), leaves, ALL),
            Case("junk", says(GET), tells(b"hello\r\n\r\n", closes=True), ALL),
            Case("half a head", says(GET), tells(b"HTTP/1.1 200 OK\r\nFoo: ", closes=True), ALL),
            Case("a status", says(GET), failing(503), ALL),
            Case("a status, then another", says(GET), turns(failing(503), failing(500), failing(404)), ALL),
            Case("none at all, empty", says(GET), leaves, never),
            Case("none at all, a status", says(GET), failing(503), never),
            Case("as many as without retries", says(GET), turns(leaves, failing(500), leaves, answers()),
                 ("retry-on all-retryable-errors", "retries 3")),
        ]
    )  # fmt: skip


def test_other_servers() -> None:
    """Where an attempt goes that follows a failed one, and who counts it."""
    bound = GET.replace(b"Host", b"Cookie: S=one\r\nHost")
    cookie = ("cookie S insert indirect", "dynamic-cookie-key k")
    last = (*ALL, "option redispatch")
    check(
        [
            Case("stays", says(GET), failing(500), ALL, twins=("t",)),
            Case("goes", says(GET), failing(500), ELSEWHERE, twins=("t",)),
            Case("goes, and is answered", says(GET), turns(failing(500), answers()), ELSEWHERE, twins=("t",)),
            Case("alone", says(GET), failing(500), ELSEWHERE),
            Case("any may", says(GET), failing(500), last, twins=("t",)),
            Case("by a hash", says(GET), failing(500), (*last, "balance uri"), twins=("t",)),
            Case("three", says(GET), failing(500), ELSEWHERE, twins=("t", "u")),
            Case("backup", says(GET), failing(500), (*ELSEWHERE, f"{REFUSES} backup")),
            Case("bound by a table, stays", says(GET + GET), turns(farewell, failing(500)),
                 (*ALL, "stick-table type string size 10", "stick on path"), twins=("t",)),
            Case("tells its name", says(GET), turns(failing(500), answers()),
                 (*ELSEWHERE, "http-send-name-header X-Server"), twins=("t",)),
            Case("refused, then failed", says(GET), failing(500),
                 (REFUSES, "retry-on 500 conn-failure", "retries 3", "option redispatch", QUICK)),
            Case("refused, which is no reason", says(GET), failing(500),
                 (REFUSES, "retry-on 500", "retries 2", "option redispatch", QUICK)),
            Case("a cookie for another", says(bound), failing(500), (*ALL, *cookie), twins=("t",)),
        ]
    )  # fmt: skip


@pytest.mark.parametrize("redispatch", ["option redispatch 1", "option redispatch", "no option redispatch"])
def test_servers_that_cookies_name(redispatch: str) -> None:
    asks = GET.replace(b"Host", b"Cookie: S=mine\r\nHost")
    mine = "server mine 127.0.0.1:1 cookie mine"
    lines = (*ALL, "retries 3", redispatch, "cookie S insert indirect", mine)
    check(
        [
            Case("named", says(asks), turns(failing(500), answers()), lines, words="cookie other"),
            Case("named, and it fails", says(asks.replace(b"mine", b"other")), failing(500), lines[:-1],
                 words="cookie other"),
        ]
    )  # fmt: skip


def test_bodies() -> None:
    """Only a request that is there as a whole when it first goes out is sent again."""
    buffered = (*ALL, "option http-buffer-request")
    halves = says(POST[:-1], POST[-1:], pause_s=0.2)

    def large(size: int) -> Act:
        return says(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    check(
        [
            Case("at once", says(POST), turns(failing(500), answers()), ALL),
            Case("at once, empty", says(POST), turns(leaves, answers()), ("retry-on empty-response", "retries 2")),
            Case("at once, used up", says(POST), failing(500), ALL),
            Case("chunks", says(CHUNKS), turns(failing(500), answers()), ALL),
            Case("in two", halves, turns(failing(500), answers()), ALL),
            Case("in two, buffered", halves, turns(failing(500), answers()), buffered),
            Case("it fits", large(15000), turns(failing(500), answers()), buffered),
            Case("it does not fit", large(15400), turns(failing(500), answers()), buffered),
        ]
    )  # fmt: skip


def test_requests_that_are_sent_once() -> None:
    check(
        [
            Case("all", says(GET), turns(failing(500), answers()), (*ALL, "http-request disable-l7-retry")),
            Case("empty", says(GET), turns(leaves, answers()), (*ALL, "http-request disable-l7-retry")),
            Case("some", says(GET + NEXT), turns(failing(500), farewell, failing(500), answers()),
                 (*ALL, "http-request disable-l7-retry if { path /next }")),
            Case("but refused", says(GET), answers(),
                 (REFUSES, *ELSEWHERE, "http-request disable-l7-retry")),
        ]
    )  # fmt: skip


def test_clients_that_are_kept() -> None:
    """One whose connection has had an answer is told of nothing: it may try again itself."""
    check(
        [
            Case("empty", says(GET + NEXT), turns(leaves_under_the_second, answers()), ALL),
            Case("always empty", says(GET + NEXT), turns(leaves_under_the_second, leaves), ALL),
            Case("both", says(GET + NEXT), turns(leaves, leaves_under_the_second, answers()), ALL),
            Case("no word for it", says(GET + NEXT), turns(leaves_under_the_second, answers()), ("retry-on 404",)),
            Case("a status each", says(GET + NEXT),
                 turns(failing(500), farewell, failing(502), answers()), ALL),
            Case("servers are not", says(GET + NEXT), turns(failing(500), answers()),
                 (*ALL, "option http-server-close")),
        ]
    )  # fmt: skip


def test_connections_that_are_used_again() -> None:
    """A server that answers an error is asked on the same connection where any request might be."""
    error = answers(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
    absent = answers(b"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno")
    check(
        [
            Case("all", says(GET), error, ALL),
            Case("a status alone", says(GET), absent, ("retry-on 404", "retries 2")),
            Case("always", says(GET), absent, ("retry-on 404", "retries 2", "http-reuse always")),
            Case("kept client", says(GET + NEXT), absent, ("retry-on 404", "retries 2")),
            Case("no content", says(GET.replace(b"GET", b"HEAD")), error, ALL),
            Case("one place", says(GET), error, ALL, words="maxconn 1"),
        ]
    )


def test_errors_with_a_body() -> None:
    check(
        [
            Case("to the end", says(GET), turns(tells(b"HTTP/1.1 500 No\r\n\r\nno", closes=True), answers()), ALL),
            Case("without an end", says(GET),
                 turns(tells(b"HTTP/1.1 500 No\r\n\r\nno"), answers()), ALL),
            Case("large", says(GET), turns(failing(500, b"x" * 200_000), answers()), ALL),
            Case("chunks", says(GET), turns(
                tells(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n"),
                answers()), ALL),
        ]
    )  # fmt: skip


def test_rules_see_the_last_answer() -> None:
    tells = "http-response set-header X-Status %[status]"
    check(
        [
            Case("answered", says(GET), turns(failing(500), answers()), (*ALL, tells)),
            Case("used up", says(GET), failing(500), (*ALL, tells)),
            Case("at the very end", says(GET), leaves, (*ALL, "http-after-response set-header X-Status %[status]")),
        ]
    )
