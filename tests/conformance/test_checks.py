"""Health checks: the same answers of the same servers, and what HAProxy and wproxy show and tell of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from tests.support.check_cases import DEAD, FULL, Case, Seen, observe
from tests.support.check_server import Script

PING = r"tcp-check send PING\r\n"
PONG = Script((b"+PONG\r\n",), end="hold")
HELD = Script(end="hold")


def http(status: str = "200 OK", body: bytes = b"hello") -> Script:
    return Script((f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body,))


def tcp(server: Script | str, *lines: str) -> Case:
    return Case(("option tcp-check", *lines), server)


def asked(server: Script, *lines: str, option: str = "") -> Case:
    return Case((f"option httpchk {option}", *(f"http-check {line}" for line in lines)), server)


def agent(words: bytes) -> Case:
    return Case((), HELD, words)


CASES = {
    "connect": Case((), HELD),
    "connect-dead": Case((), DEAD),
    "connect-full": Case((), FULL),
    "redis-ok": Case(("option redis-check",), PONG),
    "redis-part": Case(("option redis-check",), Script((b"+PO",), end="hold")),
    "redis-part-close": Case(("option redis-check",), Script((b"+PO",))),
    "redis-empty": Case(("option redis-check",), Script((b"",))),
    "redis-silent": Case(("option redis-check",), HELD),
    "redis-dead": Case(("option redis-check",), DEAD),
    "redis-reset": Case(("option redis-check",), Script((b"",), end="reset")),
    "tcp-none": tcp(HELD),
    "tcp-none-dead": tcp(DEAD),
    "tcp-none-full": tcp(FULL),
    "tcp-connect": tcp(HELD, "tcp-check connect"),
    "tcp-connect-dead": tcp(DEAD, "tcp-check connect", "tcp-check expect string y"),
    "tcp-connect-full": tcp(FULL, "tcp-check connect"),
    "tcp-comment-dead": tcp(DEAD, "tcp-check comment hello", "tcp-check connect", "tcp-check expect string y"),
    "tcp-send": tcp(Script((b"",), end="hold"), PING),
    "tcp-expect": tcp(PONG, PING, "tcp-check expect string +PONG"),
    "tcp-mismatch": tcp(PONG, PING, "tcp-check expect string +PANG"),
    "tcp-mismatch-close": tcp(Script(PONG.replies), PING, "tcp-check expect string +PANG"),
    "tcp-mismatch-sure": tcp(PONG, PING, "tcp-check expect min-recv 0 string +PANG"),
    "tcp-min-recv": tcp(PONG, PING, "tcp-check expect min-recv 20 string +PONG"),
    "tcp-comment": tcp(Script(PONG.replies), PING, r"tcp-check expect string +PANG comment not\ pang"),
    "tcp-comment-line": tcp(Script(PONG.replies), PING, "tcp-check comment hi", "tcp-check expect string +PANG"),
    "tcp-comment-timeout": tcp(PONG, PING, r"tcp-check expect string +PANG comment not\ pang"),
    "tcp-regex": tcp(Script(banner=b"220 hi\r\n"), "tcp-check expect rstring ^2.*$"),
    "tcp-regex-wrong": tcp(Script(banner=b"220 hi\r\n"), "tcp-check expect rstring ^3.*$"),
    "tcp-regex-timeout": tcp(Script((), b"220 hi\r\n", "hold"), "tcp-check expect rstring ^3.*$"),
    "tcp-not": tcp(Script(banner=b"hi"), "tcp-check expect ! string err"),
    "tcp-not-timeout": tcp(Script((), b"hi", "hold"), "tcp-check expect ! string err"),
    "tcp-not-wrong": tcp(Script(banner=b"an err"), "tcp-check expect !string err"),
    "tcp-not-regex": tcp(Script(banner=b"an err"), "tcp-check expect !rstring err"),
    "tcp-binary": tcp(PONG, "tcp-check send-binary 50494e470d0a", "tcp-check expect binary 2b504f4e47"),
    "tcp-binary-wrong": tcp(Script(banner=b"x"), "tcp-check expect binary 2b"),
    "tcp-binary-timeout": tcp(HELD, "tcp-check expect binary 2b"),
    "tcp-not-binary": tcp(Script(banner=b"x+"), "tcp-check expect ! binary 2b"),
    "tcp-rbinary": tcp(Script(banner=b"+PONG"), "tcp-check expect rbinary ^2B50"),
    "tcp-rbinary-wrong": tcp(Script(banner=b"+PONG"), "tcp-check expect rbinary ^2b50"),
    "tcp-rbinary-timeout": tcp(HELD, "tcp-check expect rbinary ^2b50"),
    "tcp-empty": tcp(Script(), "tcp-check expect string x"),
    "tcp-reset": tcp(Script((b"",), end="reset"), "tcp-check send x", "tcp-check expect string y"),
    "tcp-twice": tcp(Script(banner=b"220 hi"), "tcp-check expect string 220", "tcp-check expect string hi"),
    "tcp-forgets": tcp(
        Script((b"no",), b"220 hi", "hold"),
        "tcp-check expect string 220",
        "tcp-check send x",
        "tcp-check expect string hi",
    ),
    "tcp-role": tcp(
        Script((b"role:master\r\n", b"+OK\r\n")),
        r"tcp-check send info\ replication\r\n",
        "tcp-check expect string role:master",
        r"tcp-check send QUIT\r\n",
        "tcp-check expect string +OK",
    ),
    "tcp-ok-status": tcp(Script(banner=b"hi"), "tcp-check expect ok-status L6OK string hi"),
    "tcp-ok-conditional": tcp(Script(banner=b"hi"), "tcp-check expect ok-status L7OKC string hi"),
    "tcp-error-status": tcp(Script(banner=b"hi"), "tcp-check expect error-status L7STS string ho"),
    "tcp-timeout-status": tcp(HELD, "tcp-check expect tout-status L6TOUT string ho"),
    "tcp-on-success": tcp(Script(banner=b"hi"), r"tcp-check expect on-success all\ fine string hi"),
    "tcp-on-error": tcp(Script(banner=b"hi"), "tcp-check expect on-error bad string ho"),
    "http": asked(http()),
    "http-held": asked(Script(http().replies, end="hold")),
    "http-get": asked(http(), option="GET /status"),
    "http-1.1": asked(http(), option="GET /status HTTP/1.1"),
    "http-301": asked(http("301 Moved")),
    "http-404": asked(http("404 Not Found")),
    "http-500-bare": asked(http("500")),
    "http-100": asked(Script((b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",))),
    "http-garbage": asked(Script((b"garbage\r\n\r\n",))),
    "http-part": asked(Script((b"HTTP/1.0 200",))),
    "http-part-held": asked(Script((b"HTTP/1.0 200 OK\r\n",), end="hold")),
    "http-empty": asked(Script((b"",))),
    "http-silent": asked(HELD),
    "http-dead": asked(DEAD),  # type: ignore[arg-type] # no server at all
    "http-reset": asked(Script((b"",), end="reset")),
    "http-disable": asked(http("404 Not Found"), "disable-on-404"),
    "http-disable-expect": asked(http("404 Not Found"), "disable-on-404", "expect status 200"),
    "http-status": asked(http("304 x", b""), "expect status 200,201,300-310"),
    "http-status-wrong": asked(http("404 Not Found"), "expect status 200"),
    "http-status-not": asked(http(), "expect ! status 200"),
    "http-rstatus": asked(http(), "expect rstatus ^2[0-9]{2}"),
    "http-rstatus-not": asked(http("503 Busy"), "expect ! rstatus ^5"),
    "http-string": asked(http("404 Not Found"), "expect string ell"),
    "http-string-wrong": asked(http(), "expect string elx"),
    "http-string-endless": asked(Script((b"HTTP/1.0 200 OK\r\n\r\nhello",), end="hold"), "expect string elx"),
    "http-string-no-body": asked(http(body=b""), "expect string elx"),
    "http-string-not": asked(http(), "expect ! string ell"),
    "http-string-not-there": asked(http(), "expect ! string error"),
    "http-rstring": asked(http(), "expect rstring h.*o"),
    "http-rstring-comment": asked(http(), "expect rstring h.*x comment body"),
    "http-comment": asked(http("404 N"), "send uri /a comment s1", "expect status 200 comment e1"),
    "http-send": asked(http(), "send meth GET uri /x ver HTTP/1.1 hdr Host www hdr X-A b"),
    "http-body": asked(http(), "send meth POST uri /x ver HTTP/1.1 hdr Host www body a=b"),
    "http-steps": asked(
        http(),
        "connect",
        "send meth GET uri /1",
        "expect status 200-399",
        "connect",
        "send uri /2",
        "expect status 201",
    ),
    "agent-up": agent(b"up\n"),
    "agent-weight": agent(b"50%\n"),
    "agent-weight-much": agent(b"300%\n"),
    "agent-weight-words": agent(b"  50%\t # fine\r\n"),
    "agent-weight-bad": agent(b"5x%\n"),
    "agent-up-weight": agent(b"up,75%\n"),
    "agent-up-weight-bad": agent(b"up 5x% # fine\n"),
    "agent-up-unknown": agent(b"up foo\n"),
    "agent-up-reason": agent(b"up # all good\n"),
    "agent-UP": agent(b"UP\n"),
    "agent-down": agent(b"down\n"),
    "agent-down-reason": agent(b"down foo # for lunch\n"),
    "agent-down-unknown": agent(b"down foo\n"),
    "agent-down-weight": agent(b"down 20%\n"),
    "agent-down-up": agent(b"down up\n"),
    "agent-fail": agent(b"fail\n"),
    "agent-failed": agent(b"failed\n"),
    "agent-stopped": agent(b"stopped\n"),
    "agent-drain": agent(b"drain\n"),
    "agent-drain-down": agent(b"drain down\n"),
    "agent-maint": agent(b"maint\n"),
    "agent-ready": agent(b"ready\n"),
    "agent-maxconn": agent(b"maxconn:7\n"),
    "agent-maxconn-bad": agent(b"maxconn:x\n"),
    "agent-maxconn-none": agent(b"maxconn:\n"),
    "agent-unknown": agent(b"foo bar # hm\n"),
    "agent-number": agent(b"50\n"),
    "agent-empty-line": agent(b"\n"),
    "agent-nothing": agent(b""),
}
# Who waits in vain, until the interval is over. An answer to any other is none of a timeout's, however late it is: all
# checks begin at once, in Python on both ends.
TIMED_OUT = {
    "connect-full", "redis-part", "redis-silent", "tcp-none-full", "tcp-connect-full", "tcp-mismatch", "tcp-min-recv",
    "tcp-comment-timeout", "tcp-regex-timeout", "tcp-not-timeout", "tcp-binary-timeout", "tcp-rbinary-timeout",
    "tcp-forgets", "tcp-timeout-status", "http-part-held", "http-silent", "http-string-endless",
}  # fmt: skip


def _patient(name: str, case: Case) -> Case:
    return case if name in TIMED_OUT else replace(case, lines=(*case.lines, "timeout connect 9s", "timeout check 9s"))


@cache
def observed(program: str, folder: Path) -> tuple[Seen, set[str], dict[str, bytes]]:
    """Return columns, notices and questions of all cases, run at once."""
    made = observe(program, folder, {name: _patient(name, case) for name, case in CASES.items()})
    first = made.first_questions()
    for name in ("tcp-send", "tcp-mismatch-sure"):
        del first[name]  # hung up by a reset without waiting for an answer: it may overtake the question
    return made.seen, made.notices, first


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checks")


@pytest.mark.parametrize("case", CASES)
def test_columns(case: str, folder: Path) -> None:
    assert observed("wproxy", folder)[0][case] == observed("haproxy", folder)[0][case]


def test_notices(folder: Path) -> None:
    ours, theirs = observed("wproxy", folder)[1], observed("haproxy", folder)[1]
    assert len(theirs) > 50
    assert ours == theirs


def test_questions(folder: Path) -> None:
    assert observed("wproxy", folder)[2] == observed("haproxy", folder)[2]
