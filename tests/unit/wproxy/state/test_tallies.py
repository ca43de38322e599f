from __future__ import annotations

import orjson

from wproxy.config.loader import parse
from wproxy.state import tallies
from wproxy.state.captures import Capture, Excerpt, Named, Side
from wproxy.state.commands import CommandCounters
from wproxy.state.registry import Registry
from wproxy.state.tallies import Tally

CONFIGURATION = """
frontend f
    bind 127.0.0.1:1
    default_backend b
backend b
    server a 127.0.0.1:2
    server c 127.0.0.1:3
"""


def registry() -> Registry:
    return Registry(parse(CONFIGURATION, "cfg", {}), 100, 0.0)


def through_json(tally: Tally) -> Tally:
    made: Tally = orjson.loads(orjson.dumps(tally))
    return made


def worker(sessions: int, at: float = 10.0) -> Registry:
    """Return what a worker has after so many sessions that are still there."""
    made = registry()
    frontend, backend = made.frontends["f"], made.backends["b"]
    for _ in range(sessions):
        session = made.sessions.open(frontend, backend, at)
        backend.opened(at)
        session.server = backend.assign()
        assert session.server is not None
        session.server.opened(at)
        session.bytes_in, session.bytes_out = 5, 7
        session.assigned_at = session.connected_at = at
        session.measure(at + 0.25)
    return made


def whole(*workers: Registry, retired: Tally | None = None) -> Registry:
    made = registry()
    known = [through_json(tallies.tally(each)) for each in workers]
    tallies.merge(made, known if retired is None else [*known, retired])
    return made


def test_numbers_are_added() -> None:
    made = whole(worker(4), worker(6))
    frontend, backend = made.frontends["f"], made.backends["b"]
    assert (frontend.current, frontend.counters.sessions, frontend.counters.sessions_max) == (10, 10, 10)
    assert (frontend.counters.bytes_in, backend.counters.bytes_out) == (50, 70)
    assert [server.counters.sessions for server in backend.servers] == [5, 5]
    assert (made.sessions.current, made.sessions.ever) == (10, 10)
    assert backend.counters.balanced == 10
    assert backend.counters.times.total_ms(10) == 250
    assert backend.servers[0].last_session_at == 10.0


def test_rates_are_those_of_all_together() -> None:
    made = whole(worker(4), worker(6))
    assert made.admission.rate.per_second(10.0) == 10
    assert made.frontends["f"].counters.session_rate.maximum == 10


def test_those_who_have_ended_go_on_to_count() -> None:
    first = tallies.retired(None, through_json(tallies.tally(worker(3))))
    second = tallies.retired(first, through_json(tallies.tally(worker(2))))
    made = whole(worker(1), retired=through_json(second))
    frontend = made.frontends["f"]
    assert (frontend.current, frontend.counters.sessions) == (1, 6)
    assert frontend.counters.bytes_in == 30
    assert (made.sessions.current, made.sessions.ever) == (1, 6)
    assert made.backends["b"].counters.times.total_ms(6) == 250


def test_telling_it_twice_changes_nothing() -> None:
    made, known = registry(), [tallies.tally(worker(4)), tallies.tally(worker(6))]
    tallies.merge(made, known)
    tallies.merge(made, known)
    assert made.frontends["f"].counters.sessions == 10


def test_queues_are_added() -> None:
    class Somebody:
        def grant(self, server: object) -> None:
            raise AssertionError

    one, other = worker(0), worker(0)
    one.backends["b"].wait(Somebody())
    other.backends["b"].wait(Somebody(), other.backends["b"].servers[1])
    made = whole(one, other)
    assert made.backends["b"].waiting == 1
    assert made.backends["b"].servers[1].waiting == 1
    assert made.backends["b"].counters.queue_max == 1


def test_commands_of_redis_are_added() -> None:
    one, other = worker(0), worker(0)
    for each, calls in ((one, 3), (other, 4)):
        counters = CommandCounters(calls, 1)
        counters.latencies.add(100, calls)
        each.backends["b"].servers[0].counters.commands["get"] = counters
    counters = whole(one, other).backends["b"].servers[0].counters.commands["get"]
    assert (counters.calls, counters.errors) == (7, 2)
    assert counters.latencies.quantile(1.0) == 103  # the end of the bucket of 100


def test_a_server_that_only_one_knows_counts() -> None:
    one, other = worker(2), worker(2)
    other.backends["b"].remove(other.backends["b"].servers[1])
    assert whole(one, other).backends["b"].servers[1].counters.sessions == 1


def test_errors_of_protocols_arrive_as_they_were() -> None:
    for source in (("127.0.0.1", 5), None):
        capture = Capture(
            Side.REQUEST, 1.5, Named("f", 2), Named("b", 3), Named(), source, Excerpt(b"\xff\r\n", 1, 0), ("fact",)
        )
        assert tallies.to_capture(orjson.loads(orjson.dumps(tallies.of_capture(capture)))) == capture


def test_the_highest_numbers_of_those_who_have_ended_can_be_forgotten() -> None:
    known = tallies.without_maxima(tallies.retired(None, through_json(tallies.tally(worker(3)))))
    made = whole(retired=known)
    assert made.frontends["f"].counters.sessions == 3
    assert made.frontends["f"].counters.sessions_max == 0
    assert made.backends["b"].counters.times.total_max == 0


def test_the_next_process_counts_on() -> None:
    """Sums go on, the highest number is the higher one of both times."""
    left = through_json(tallies.retired(None, tallies.tally(worker(3))))
    heir = worker(1)
    tallies.add(heir, left)
    frontend, backend = heir.frontends["f"], heir.backends["b"]
    assert (frontend.current, frontend.counters.sessions, frontend.counters.sessions_max) == (1, 4, 3)
    assert backend.counters.sessions == 4
    assert sum(server.counters.sessions for server in backend.servers) == 4
    assert heir.sessions.ever == 4
    empty = worker(0)
    tallies.merge(empty, [tallies.tally(worker(1)), tallies.tally(worker(1))], left)
    assert (empty.frontends["f"].counters.sessions, empty.frontends["f"].counters.sessions_max) == (5, 3)


def test_what_was_counted_since_is_told_once() -> None:
    old = worker(2)
    told = through_json(tallies.retired(None, tallies.tally(old)))
    heir = worker(0)
    tallies.add(heir, told)
    old.frontends["f"].counters.bytes_in += 100
    old.backends["b"].servers[0].counters.responses[2] += 1
    old.backends["b"].servers[0].counters.commands["get"] = CommandCounters(3, 1)
    later = through_json(tallies.retired(None, tallies.tally(old)))
    tallies.add(heir, through_json(tallies.difference(later, told)))
    tallies.add(heir, through_json(tallies.difference(later, later)))
    assert tallies.retired(None, tallies.tally(heir))["frontends"] == later["frontends"]
    server = heir.backends["b"].servers[0]
    assert server.counters.responses[2] == old.backends["b"].servers[0].counters.responses[2]
    assert server.counters.commands["get"].calls == 3
    assert heir.frontends["f"].counters.bytes_in == old.frontends["f"].counters.bytes_in


def test_what_was_cleared_since_begins_at_zero() -> None:
    told = tallies.retired(None, tallies.tally(worker(3)))
    later = tallies.retired(None, tallies.tally(worker(2)))
    heir = worker(0)
    tallies.add(heir, tallies.difference(later, told))
    assert heir.frontends["f"].counters.sessions == 2
    assert heir.frontends["f"].counters.bytes_in == 10


def test_sums_of_those_before_keep_the_highest_number_and_what_only_one_knows() -> None:
    one, other = (tallies.retired(None, tallies.tally(worker(number))) for number in (3, 2))
    other["frontends"]["g"] = other["frontends"].pop("f")
    both = tallies.sum_of(tallies.sum_of(None, one), tallies.sum_of(one, other))
    assert set(both["frontends"]) == {"f", "g"}
    heir = worker(0)
    tallies.add(heir, both)
    assert (heir.frontends["f"].counters.sessions, heir.frontends["f"].counters.sessions_max) == (6, 3)
    assert heir.backends["b"].counters.sessions == 8
