from __future__ import annotations

import pytest

from tests.unit.wproxy.runtime.talking import Client
from tests.unit.wproxy.state.parties import Carrier
from wproxy.config.model import Level
from wproxy.runtime.commands.sessions import _delay
from wproxy.state.session import Session


class Busy(Client):
    """A client of a proxy with two sessions: the first on server a, the other on its way to one."""

    def __init__(self, level: Level = Level.ADMIN) -> None:
        super().__init__(level)
        self.killed: list[str] = []
        front, back = self.registry.frontends["front"], self.registry.backends["back"]
        self.first: Session = self.registry.sessions.open(front, back, 38.0)
        self.first.server, self.first.carrier = self.a, Carrier("first", self.killed)
        self.second = self.registry.sessions.open(front, back, 100.0)


@pytest.fixture
def busy() -> Busy:
    return Busy()


def test_the_list(busy: Busy) -> None:
    first, second, end = busy.say("show sess").split("\n", 2)
    assert first.startswith("0x1: proto=tcpv4 src=127.0.0.1:5 fe=front be=back srv=a ts=00 age=1m2s ")
    assert " rq[i=1,wx=,ax=] rp[i=2,wx=,ax=] scf=[EST,fd=8] scb=[EST,fd=9] exp=1m2s " in first
    assert second.startswith("0x2: proto=unknown src= fe=front be=back srv=<none> ts=00 age=0s ")
    assert end == "\n"


def test_one_and_all(busy: Busy) -> None:
    one = busy.say("show sess 0x1")
    assert busy.say("show sess 1").partition("] ")[2] == one.partition("] ")[2]
    assert "\n  server=a (id=1) addr=127.0.0.1:1\n" in one
    assert "\n  backend=back (id=3 mode=tcp) addr=127.0.0.1:7\n" in one
    everything = busy.say("show sess all")
    assert one.partition("] ")[2].rstrip() in everything
    assert "\n  server=<NONE> (id=-1)\n" in everything
    assert busy.say("show sess 0x3") == "Session not found.\n\n"


def test_old_ones(busy: Busy) -> None:
    assert busy.say("show sess older 60").startswith("0x1: ")
    assert "0x2: " not in busy.say("show sess older 60")
    assert busy.say("show sess older 62") == "\n"
    assert busy.say("show sess older nonsense") == busy.say("show sess nonsense") == busy.say("show sess")


def test_one_is_ended(busy: Busy) -> None:
    assert busy.say("shutdown session 0x1;shutdown session 0x2") == "\n\n"  # the second is not carried yet
    assert busy.killed == ["first"]
    for number in ("", "abc", "0x", "-1", "0"):
        assert busy.say(f"shutdown session {number}") == "Session pointer expected (use 'show sess').\n\n"
    assert busy.say("shutdown session 0xdead") == "No such session (use 'show sess').\n\n"


def test_those_of_a_server_are_ended(busy: Busy) -> None:
    assert busy.say("shutdown sessions server back/b") == "\n"
    assert busy.killed == []
    assert busy.say("shutdown sessions server back/a") == "\n"
    assert busy.killed == ["first"]


def test_counters() -> None:
    busy = Busy(Level.OPERATOR)
    counters = busy.registry.frontends["front"].counters
    assert busy.say("clear counters") == "\n"
    assert (counters.sessions_max, counters.sessions) == (0, 2)
    assert busy.say("clear counters all") == "Permission denied\n\n"
    busy = Busy()
    assert busy.say("clear counters all") == "\n"
    assert busy.registry.frontends["front"].counters.sessions == 0


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, ""), (0.9, "0s"), (59.9, "59s"), (118.0, "1m58s"), (3600.0, "1h0m"), (90_000.0, "1d1h")],
)
def test_times(seconds: float | None, shown: str) -> None:
    assert _delay(seconds) == shown
