from __future__ import annotations

from tests.unit.wproxy.state.parties import backend, frontend_config, line
from wproxy.state.admission import Admission
from wproxy.state.frontend import Frontend
from wproxy.state.session import Sessions


def test_what_is_said_reaches_every_counter_once() -> None:
    front, back, sessions = Frontend(frontend_config(), 9), backend(line("a"), line("b")), Sessions(Admission(9))
    first, second = (sessions.open(front, back, 1.0) for _ in range(2))
    first.server = back.servers[0]
    first.bytes_in, first.bytes_out = 10, 20
    sessions.settle()
    first.bytes_in = 15
    second.bytes_out = 1  # still without a server
    sessions.settle()
    sessions.settle()
    for party in (front, back):
        assert (party.counters.bytes_in, party.counters.bytes_out) == (15, 21)
    assert (back.servers[0].counters.bytes_in, back.servers[0].counters.bytes_out) == (15, 20)
    assert back.servers[1].counters.bytes_in == 0


def test_the_end_settles_and_only_the_first_counts() -> None:
    front, back, sessions = Frontend(frontend_config(), 9), backend(line()), Sessions(Admission(9))
    emptied: list[int] = []
    first, second = (sessions.open(front, back, 1.0) for _ in range(2))
    assert (first.session_id, second.session_id, front.current) == (1, 2, 2)
    sessions.close(first)
    sessions.on_empty = lambda: emptied.append(len(sessions.live))
    second.bytes_in = 7
    second.end("cD")
    second.end("SD")
    sessions.close(second)
    sessions.close(second)
    assert second.termination == "cD"
    assert front.counters.bytes_in == 7
    assert (front.current, emptied, sessions.total, sessions.maximum) == (0, [0], 2, 2)


def test_how_long_it_took_is_told_once_it_has_reached_a_server() -> None:
    front, back, sessions = Frontend(frontend_config(), 9), backend(line()), Sessions(Admission(9))
    never, one = (sessions.open(front, back, 1.0) for _ in range(2))
    one.server = never.server = back.assign()
    never.assigned_at = one.assigned_at = 1.5
    never.measure(3.0)
    assert back.counters.times.total_max == 0
    one.connected_at = 1.75
    one.measure(4.0)
    for party in (back, back.servers[0]):
        times, chosen = party.counters.times, party.counters.balanced
        assert (times.queue_ms(chosen), times.connect_ms(chosen), times.total_ms(chosen)) == (500, 250, 3000)
