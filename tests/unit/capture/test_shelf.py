from __future__ import annotations

import logging
import time
from contextlib import closing
from pathlib import Path

import pytest

from capture.counters import Counters
from capture.messages import Batch, Observation, encode
from capture.shelf import Shelf
from capture.spool import SpoolReader, SpoolWriter
from tests.support.waiting import wait_for


@pytest.fixture
def messages(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("wproxy.capture"), "propagate", True)
    caplog.set_level(logging.WARNING)
    return caplog


def test_what_is_put_can_be_taken_until_it_is_committed(tmp_path: Path) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path)) as writer, closing(SpoolReader(tmp_path)) as reader:
        shelf = Shelf(counters, writer, reader)
        assert shelf.put(b"a", 10)
        assert shelf.put(b"b", 5)
        first = shelf.take()
        assert first is not None
        assert first.payload == b"a"
        shelf.commit(first.position)
        shelf.take()
        shelf.rewind()
        again = shelf.take()
        assert again is not None
        assert again.payload == b"b"
        assert shelf.take() is None
        assert shelf.backlog_bytes > 0
    assert (counters.spooled, counters.dropped_spool) == (15, 0)


def test_a_full_spool_costs_what_does_not_fit_and_is_told_once(
    tmp_path: Path, messages: pytest.LogCaptureFixture
) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path, limit_bytes=200)) as writer, closing(SpoolReader(tmp_path)) as reader:
        shelf = Shelf(counters, writer, reader)
        assert [shelf.put(bytes(92), 7) for _ in range(4)] == [True, True, False, False]
        assert len(messages.records) == 1
        assert "what does not fit is dropped" in messages.text
        while (record := shelf.take()) is not None:
            shelf.commit(record.position)
        assert shelf.put(bytes(92), 7)
        (back,) = [record.getMessage() for record in messages.records][1:]
        assert back.startswith("queue on disk: back after ")
    assert (counters.spooled, counters.dropped_spool) == (21, 14)


def test_torn_records_are_counted_and_told(tmp_path: Path, messages: pytest.LogCaptureFixture) -> None:
    with closing(SpoolWriter(tmp_path)) as writer:
        writer.append(b"torn")
    (segment,) = tmp_path.glob("*.seg")
    segment.write_bytes(segment.read_bytes()[:-1])
    counters = Counters()
    with closing(SpoolWriter(tmp_path)) as writer, closing(SpoolReader(tmp_path)) as reader:
        assert Shelf(counters, writer, reader).take() is None
    assert counters.torn == 1
    assert "cut off or damaged" in messages.text


def test_without_a_reader_it_is_only_written(tmp_path: Path) -> None:
    with closing(SpoolWriter(tmp_path)) as writer:
        shelf = Shelf(Counters(), writer)
        assert shelf.put(b"a", 1)
        assert shelf.take() is None
        assert shelf.backlog_bytes == 0


def message(age_s: float, count: int = 2) -> bytes:
    time_ns = time.time_ns() - int(age_s * 1e9)
    return encode(Batch("a", 0, (Observation("10.0.0.1", "10.0.0.2", 1, 2, time_ns),) * count))


def test_what_has_expired_is_dropped_as_far_as_it_is_the_oldest(tmp_path: Path) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path)) as writer, closing(SpoolReader(tmp_path)) as reader:
        shelf = Shelf(counters, writer, reader, ttl_s=60.0)
        young = message(1.0)
        for payload in (message(70.0), message(65.0), young, message(70.0)):
            shelf.put(payload, 2)
        shelf.expire()
        assert (counters.expired, counters.drained, counters.spooled) == (4, 4, 8)
        record = shelf.take()
        assert record is not None
        assert record.payload == young


def test_a_spool_full_of_what_has_expired_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counters, now = Counters(), time.time_ns()
    monkeypatch.setattr("capture.shelf.time.time_ns", lambda: now)  # it stands still while the spool is filled
    with closing(SpoolWriter(tmp_path, limit_bytes=1000)) as writer:
        shelf = Shelf(counters, writer, ttl_s=60.0)
        while shelf.put(message(59.9), 2):
            pass
        full = counters.spooled
        assert counters.dropped_spool == 2
        now += 200_000_000
        wait_for(lambda: shelf.put(message(1.0), 2), what="it looks for what has expired")
        assert counters.expired == counters.drained == full
        assert counters.spooled == full + 2
    with closing(SpoolReader(tmp_path)) as reader:
        assert len(reader.read(100)) == 1


def test_a_consumer_is_left_to_expire_what_it_reads(tmp_path: Path) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path, limit_bytes=1000)) as writer, closing(SpoolReader(tmp_path)):
        shelf = Shelf(counters, writer, ttl_s=60.0)
        while shelf.put(message(70.0), 2):
            pass
    assert counters.expired == 0
