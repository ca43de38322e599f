"""`wproxy.state.transaction`: what a request tells of itself, and what it tells its server and its backend."""

from __future__ import annotations

import pytest

from wproxy.config import model
from wproxy.state.admission import Admission
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.session import Sessions
from wproxy.state.transaction import Transaction

HERE = model.Location("test", 1)


def _transaction() -> Transaction:
    line = model.ServerLine("s", model.Address("127.0.0.1", 1), HERE)
    backend = Backend(model.Backend("b", 3, model.Mode.HTTP, HERE, servers=(line,)), 0.0)
    frontend = Frontend(model.Frontend("f", 2, model.Mode.HTTP, HERE), 10)
    session = Sessions(Admission(10)).open(frontend, backend, 100.0)
    return Transaction(session, backend, 100.0, 101.0)


def test_nothing_is_shared_between_two() -> None:
    first, second = _transaction(), _transaction()
    first.server = first.backend.servers[0]
    first.end("SD")
    first.bytes_in += 5
    assert (second.server, second.termination, second.bytes_in) == (None, "", 0)


def test_the_first_cause_is_the_cause() -> None:
    transaction = _transaction()
    transaction.end("sH")
    transaction.end("--")
    assert transaction.termination == "sH"


def test_queues_are_counted_by_kind() -> None:
    transaction = _transaction()
    transaction.queued(True, -3)
    transaction.queued(True, 5)
    transaction.queued(False, 4)
    assert (transaction.server_queue, transaction.backend_queue) == (2, 4)


def test_times_of_a_request_that_reached_its_server() -> None:
    transaction = _transaction()
    server = transaction.server = transaction.backend.servers[0]
    server.counters.balanced = transaction.backend.counters.balanced = 1
    transaction.assigned_at, transaction.connected_at, transaction.responded_at = 101.01, 101.03, 101.07
    transaction.measure(101.1)
    for counters in (server.counters, transaction.backend.counters):
        times = counters.times
        found = times.queue_ms(1), times.connect_ms(1), times.response_ms(1), times.total_ms(1)
        assert found == pytest.approx((10, 20, 40, 100), abs=1)


def test_a_request_without_response_has_no_response_time() -> None:
    transaction = _transaction()
    transaction.server = transaction.backend.servers[0]
    transaction.assigned_at = transaction.connected_at = 101.0
    transaction.measure(102.0)
    times = transaction.backend.counters.times
    assert (times.response_ms(1), times.total_ms(1)) == (0, 1000)


def test_quick_ones_are_only_counted() -> None:
    transaction = _transaction()
    server = transaction.server = transaction.backend.servers[0]
    transaction.assigned_at = transaction.connected_at = 101.0
    transaction.measure(101.0)
    assert (server.counters.times.quick, transaction.backend.counters.times.quick) == (1, 1)


def test_a_request_that_reached_no_server_has_no_times() -> None:
    transaction = _transaction()
    transaction.measure(102.0)
    assert transaction.backend.counters.times.total_ms(1) == 0
