from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

import pytest

from capture.counters import Counters
from capture.shelf import Shelf
from capture.spool import SpoolReader, SpoolWriter


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
        assert "dropping what does not fit" in messages.text
        while (record := shelf.take()) is not None:
            shelf.commit(record.position)
        assert shelf.put(bytes(92), 7)
        assert [record.getMessage() for record in messages.records][1:] == ["the spool takes batches again"]
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
