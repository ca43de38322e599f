from __future__ import annotations

from dataclasses import replace

from tests.unit.wproxy.state.parties import Carrier, backend, frontend_config, line
from wproxy.state import marks
from wproxy.state.admission import Admission
from wproxy.state.frontend import Frontend
from wproxy.state.server import Admin, Server
from wproxy.state.session import Session, Sessions


class Party:
    """A server with marks, a backup server, and a session on each; a third session that has no server yet."""

    def __init__(self) -> None:
        marked = replace(line("a"), shutdown_on_down=True, shutdown_backups_on_up=True)
        self.backend = backend(marked, replace(line("b"), backup=True), replace(line("c"), backup=True))
        self.a, self.b, self.c = self.backend.servers
        self.sessions = Sessions(Admission(0))
        self.ended: list[str] = []
        for server in (self.a, self.b, None):
            self._open(server).carrier = Carrier(str(server), self.ended)
        self._open(self.a)

    def _open(self, server: Server | None) -> Session:
        session = self.sessions.open(Frontend(frontend_config(), 9), self.backend, 100.0)
        session.server = server
        return session


def test_a_server_that_goes_takes_its_sessions_along() -> None:
    party = Party()
    party.a.admin = Admin.FORCED_MAINT
    marks.follow(party.a, party.sessions)
    assert party.ended == ["back/a D-"]


def test_a_server_that_comes_back_takes_the_backups_sessions() -> None:
    party = Party()
    marks.follow(party.a, party.sessions)
    assert party.ended == ["back/b U-"]


def test_one_that_gets_no_traffic_takes_nothing() -> None:
    party = Party()
    party.a.weight = 0
    marks.follow(party.a, party.sessions)
    marks.follow(party.b, party.sessions)
    assert party.ended == []
