"""admin.sessions: HAProxy's lines of sessions."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.errors import RefusedError
from admin.sessions import Session, parse_sessions

LINES = (
    "0x563d: proto=tcpv4 src=127.0.0.1:55560 fe=main be=main srv=b ts=00 age=2s calls=2 exp=1m2s rc=0 c_exp=\n"
    "0x1f: proto=tcpv6 src=[::1]:5 fe=main be=<NONE> srv=<none> ts=00 age=0s rq[f=c08002h,i=0] exp= rc=0 c_exp=\n"
    "0x7f: proto=unix_stream src=unix:1 fe=GLOBAL be=<NONE> srv=<none> ts=00 age=0s exp=2m rc=0 c_exp=\n\n"
)


def test_sessions_but_for_those_of_the_stats_socket() -> None:
    assert parse_sessions(LINES) == [
        Session("0x563d", "127.0.0.1:55560", "main", "main", "b", "2s", "1m2s"),
        Session("0x1f", "[::1]:5", "main", "", "", "0s", ""),
    ]
    assert parse_sessions("\n") == []


def test_a_refusal_is_no_session() -> None:
    with pytest.raises(RefusedError, match="Permission denied"):
        parse_sessions("Permission denied\n\n")


@given(st.text())
def test_any_answer_is_read_or_refused(answer: str) -> None:
    with suppress(RefusedError):
        parse_sessions(answer)
