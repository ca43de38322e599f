"""A session as the log tests want it: accepted at 100 s, assigned after 50 ms, connected after 20 ms more."""

from __future__ import annotations

from tests.unit.wproxy.state.parties import backend, frontend_config, line
from wproxy.observe.logs.variables import Record
from wproxy.state.admission import Admission
from wproxy.state.frontend import Frontend
from wproxy.state.session import Session, Sessions

ACCEPTED_AT_S = 1_234_567_890.25


def session(sessions: Sessions | None = None) -> Session:
    back = backend(line("a"))
    made = (sessions or Sessions(Admission(100))).open(Frontend(frontend_config(), 9), back, 100.0)
    back.current = back.servers[0].current = 3
    made.source, made.destination = ("192.0.2.1", 4711), ("192.0.2.2", 80)
    made.server, made.placed = back.servers[0], True
    made.assigned_at, made.connected_at = 100.05, 100.07
    made.bytes_in, made.bytes_out = 12, 345
    return made


def record(of: Session | None = None, *, unfinished: bool = False) -> Record:
    return Record(of or session(), 101.5, ACCEPTED_AT_S, 7, 5, 2, unfinished)
