"""What is written again after an answer that no real server gives on demand: some commands yes, some no."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence

from hiredis import ReplyError

from capture.messages import Batch, Observation, encode
from capture.notices import Outage
from capture.options import Address
from consumer.broker.queue import Delivery
from consumer.counters import Counters
from consumer.records import records
from consumer.retry import OK
from consumer.worker import Worker
from consumer.writer import Exchange, Writer

TTL_MS = 300_000


class ListQueue:
    """A queue of given bodies that stops the worker when they are used up."""

    def __init__(self, bodies: list[bytes], stopping: threading.Event) -> None:
        self._deliveries = deque(Delivery(body, (1, tag)) for tag, body in enumerate(bodies, 1))
        self._stopping = stopping
        self.acknowledged: list[int] = []
        self.rejected: list[int] = []

    def take(self) -> Delivery | None:
        if not self._deliveries:
            self._stopping.set()
            return None
        return self._deliveries.popleft()

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledged.append(delivery.position[1])

    def reject(self, delivery: Delivery, reason: str) -> None:
        self.rejected.append(delivery.position[1])

    def close(self) -> None:
        pass


class ScriptedWriter(Writer):
    """Answers each exchange with the next of the given ones, and keeps what was sent."""

    def __init__(self, answers: list[Exchange]) -> None:
        super().__init__(Address("127.0.0.1", 1))
        self._answers = deque(answers)
        self.sent: list[list[bytes]] = []

    def open(self) -> None:
        return None

    def exchange(self, commands: Sequence[bytes]) -> Exchange:
        self.sent.append(list(commands))
        return self._answers.popleft()


def work(bodies: list[bytes], answers: list[Exchange]) -> tuple[Counters, ListQueue, ScriptedWriter]:
    stopping, counters = threading.Event(), Counters()
    queue, writer = ListQueue(bodies, stopping), ScriptedWriter(answers)
    lines: list[str] = []
    Worker(queue, writer, counters, TTL_MS, Outage("redis", "held", lines.append), lines.append).run(stopping)
    return counters, queue, writer


def batch(size: int, age_s: int = 0) -> Batch:
    time_ns = time.time_ns() - age_s * 1_000_000_000
    seen = (Observation("10.0.0.1", "10.0.0.2", 1, 2, time_ns) for _ in range(size))
    return Batch("host-a", 0, tuple(seen))


def commands(made: Batch) -> list[bytes]:
    return [record.command for record in records(made, TTL_MS)]


def test_only_what_was_not_answered_is_written_again() -> None:
    made = batch(4)
    down = ReplyError("SERVERDOWN redisA")
    counters, queue, writer = work([encode(made)], [Exchange([OK, down, OK, down]), Exchange([OK, OK])])
    first, second, third, fourth = commands(made)
    assert writer.sent == [[first, second, third, fourth], [second, fourth]]
    assert (counters.written, counters.retries, queue.acknowledged) == (4, 1, [1])


def test_what_a_lost_connection_left_unanswered_is_written_again() -> None:
    made = batch(3)
    counters, queue, writer = work([encode(made)], [Exchange([OK], "connection reset"), Exchange([OK, OK])])
    assert writer.sent[1] == commands(made)[1:]
    assert (counters.written, queue.acknowledged) == (3, [1])


def test_a_batch_refused_for_good_is_rejected_and_its_observations_are_accounted_for() -> None:
    answer = Exchange([OK, ReplyError("ERR syntax error"), ReplyError("LOADING wait")])
    counters, queue, _ = work([encode(batch(3)), encode(batch(1))], [answer, Exchange([OK])])
    assert (queue.rejected, queue.acknowledged) == ([1], [2])
    assert (counters.received_observations, counters.written, counters.refused, counters.poison) == (4, 2, 2, 1)


def test_a_batch_that_is_all_too_old_is_acknowledged_without_a_word_to_redis() -> None:
    counters, queue, writer = work([encode(batch(3, age_s=301))], [])
    assert writer.sent == []
    assert (counters.expired, counters.written, queue.acknowledged) == (3, 0, [1])


def test_an_unreadable_message_is_rejected() -> None:
    counters, queue, writer = work([b"nothing", encode(batch(1))], [Exchange([OK])])
    assert (queue.rejected, queue.acknowledged, counters.poison, counters.received_batches) == ([1], [2], 1, 2)
    assert len(writer.sent) == 1
