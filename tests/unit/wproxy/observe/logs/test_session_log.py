from __future__ import annotations

import re

import pytest

from tests.unit.wproxy.observe.logs.facts import session
from tests.unit.wproxy.state.parties import HERE
from wproxy.config.acl.scope import Scope
from wproxy.config.log_formats import TCPLOG, parse_log_format
from wproxy.config.model import Address, LogFormat, Logs, LogTarget
from wproxy.observe.logs.header import Sender
from wproxy.observe.logs.outputs import Output, Outputs
from wproxy.observe.logs.session_log import SessionLog
from wproxy.state.admission import Admission
from wproxy.state.session import Session, Sessions


class Logged:
    """A session log, and what it sent."""

    def __init__(self, *, tcplog: bool = False, **settings: bool) -> None:
        self.lines: list[str] = []
        self.sessions = Sessions(Admission(100))
        target = LogTarget(Address(path="/dev/log"), HERE, 0, LogFormat.SHORT)
        output = Output(target, Sender("tag", 7, None), lambda line: self.lines.append(line.decode()))
        pieces = parse_log_format(TCPLOG, Scope("f")) if tcplog else ()
        clocks = (lambda: 101.5), (lambda: 1_234_567_891.75)
        self.log = SessionLog(Logs(format=pieces, **settings), Outputs([output], lambda: 0.0), self.sessions, clocks)  # type: ignore[arg-type] # booleans only
        self.session: Session = session(self.sessions)

    def run(self) -> str:
        """Let the session live and end; return the lines without their dates."""
        self.log.accepted(self.session)
        self.log.connected(self.session)
        self.log.ended(self.session)
        return re.sub(r"\[\S+ ", "", "".join(self.lines))


DONE = "<6>192.0.2.1:4711 front back/a 51/20/1500 345 -- 1/1/2/2/0 0/0\n"


def test_the_default_format_comes_first_and_alone() -> None:
    assert Logged().run() == "<6>Connect from 192.0.2.1:4711 to 192.0.2.2:80 (front/TCP)\n"


def test_the_default_format_on_a_unix_socket() -> None:
    logged = Logged()
    logged.session.source = "unix", 2
    assert logged.run() == "<6>Connect to unix:2 (front/TCP)\n"


def test_tcplog_comes_at_the_end_without_the_session_itself() -> None:
    assert Logged(tcplog=True).run() == DONE


def test_without_a_place_the_server_has_as_many_as_it_has() -> None:
    logged = Logged(tcplog=True)
    logged.session.placed = False
    assert "1/1/2/3/0" in logged.run()
    logged = Logged(tcplog=True)
    logged.session.server = None
    assert "1/1/2/0/0" in logged.run()


def test_as_soon_as_possible_it_comes_once_and_early() -> None:
    logged = Logged(tcplog=True, as_soon_as_possible=True)
    assert logged.run() == "<6>192.0.2.1:4711 front back/a 51/20/+1500 +345 -- 1/1/3/3/0 0/0\n"


def test_as_soon_as_possible_a_failure_comes_at_the_end() -> None:
    logged = Logged(tcplog=True, as_soon_as_possible=True)
    logged.session.connected_at = None
    logged.log.ended(logged.session)
    assert "51/-1/1500 345" in logged.lines[0]


@pytest.mark.parametrize(("sent", "lines"), [(12, 1), (0, 0)])
def test_silent_clients_may_go_unlogged(sent: int, lines: int) -> None:
    logged = Logged(tcplog=True, null=False)
    logged.session.bytes_in = sent
    logged.run()
    assert len(logged.lines) == lines


@pytest.mark.parametrize(
    ("termination", "retries", "redispatched", "failed"),
    [
        ("--", 0, False, False),
        ("", 0, False, False),
        ("cD", 0, False, True),
        ("--", 1, False, True),
        ("--", 0, True, True),
    ],
)
def test_what_counts_as_failed(termination: str, retries: int, redispatched: bool, failed: bool) -> None:
    for settings in ({"normal": False}, {"separate_errors": True}):
        logged = Logged(tcplog=True, **settings)
        logged.session.termination = termination
        logged.session.retries, logged.session.redispatched = retries, redispatched
        text = logged.run()
        if settings == {"normal": False}:
            assert bool(text) == failed
        else:
            assert text.startswith("<3>" if failed else "<6>")


def turned_away(logged: Logged, *, silent: bool) -> str:
    logged.log.turned_away(logged.session, "1", "SSL handshake failure", silent=silent)
    return re.sub(r"\[\S+\]", "[date]", "".join(logged.lines))


def test_clients_that_got_no_further() -> None:
    assert turned_away(Logged(), silent=False) == "<6>192.0.2.1:4711 [date] front/1: SSL handshake failure\n"
    assert turned_away(Logged(separate_errors=True), silent=True).startswith("<3>192.0.2.1:4711 ")
    assert turned_away(Logged(null=False), silent=True) == ""
    assert turned_away(Logged(null=False), silent=False)
    logged = Logged()
    logged.session.source = "unix", 2
    assert turned_away(logged, silent=False).startswith("<6>unix:2 [date] front/1: ")
