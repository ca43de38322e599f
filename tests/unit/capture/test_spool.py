from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from capture.spool import Position, SpoolBusy, SpoolError, SpoolFull, SpoolReader, SpoolWriter

FRAME_BYTES = 8  # length and checksum before each payload


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[SpoolWriter]:
    with closing(SpoolWriter(tmp_path / "spool")) as opened:
        yield opened


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SpoolReader]:
    with closing(SpoolReader(tmp_path / "spool")) as opened:
        yield opened


def payloads(reader: SpoolReader, limit: int = 1000) -> list[bytes]:
    return [record.payload for record in reader.read(limit)]


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.seg"))


def write(folder: Path, *records: bytes, segment_bytes: int = 1 << 20) -> None:
    with closing(SpoolWriter(folder, segment_bytes=segment_bytes)) as writer:
        for record in records:
            writer.append(record)


def test_records_are_read_in_order_and_once(writer: SpoolWriter, reader: SpoolReader) -> None:
    for record in (b"a", b"b", b"c"):
        writer.append(record)
    assert payloads(reader, 2) == [b"a", b"b"]
    assert payloads(reader) == [b"c"]
    assert payloads(reader) == []


def test_a_reader_may_be_there_before_the_first_record(reader: SpoolReader, writer: SpoolWriter) -> None:
    assert payloads(reader) == []
    writer.append(b"a")
    assert payloads(reader) == [b"a"]


def test_what_was_not_committed_comes_again(tmp_path: Path) -> None:
    write(tmp_path, b"a", b"b", b"c")
    with closing(SpoolReader(tmp_path)) as first:
        done, _, _ = first.read(3)
        first.commit(done.position)
    with closing(SpoolReader(tmp_path)) as second:
        assert payloads(second) == [b"b", b"c"]
        second.rewind()
        assert payloads(second) == [b"b", b"c"]


def test_a_commit_never_goes_back_nor_beyond_what_was_read(tmp_path: Path) -> None:
    write(tmp_path, b"a", b"b", b"c")
    with closing(SpoolReader(tmp_path)) as reader:
        first, second = reader.read(2)
        reader.commit(second.position)
        reader.commit(first.position)
        reader.commit(Position(99, 0))
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"c"]


def test_consumed_segments_are_deleted_once_they_are_closed(tmp_path: Path) -> None:
    write(tmp_path, b"a" * 50, b"b" * 50, b"c" * 50, segment_bytes=60)
    assert len(segments(tmp_path)) == 3
    with closing(SpoolReader(tmp_path)) as reader:
        first, second, third = reader.read(3)
        assert reader.backlog_bytes == 3 * (50 + FRAME_BYTES)
        reader.commit(second.position)
        assert len(segments(tmp_path)) == 2
        assert reader.backlog_bytes == 50 + FRAME_BYTES
        reader.commit(third.position)
        assert len(segments(tmp_path)) == 1
        assert reader.backlog_bytes == 0
    assert first.position < second.position < third.position


def test_a_full_spool_refuses_and_takes_again_when_it_is_drained(tmp_path: Path) -> None:
    record = b"x" * 92  # with its frame 100 bytes
    with closing(SpoolWriter(tmp_path, limit_bytes=1000)) as writer, closing(SpoolReader(tmp_path)) as reader:
        for _ in range(10):
            writer.append(record)
        with pytest.raises(SpoolFull, match="holds 1000 bytes, its limit is 1000"):
            writer.append(record)
        for read in reader.read(10):
            reader.commit(read.position)
        assert reader.read(1) == []  # which goes on to the empty segment and lets the last full one go
        for _ in range(10):
            writer.append(record)
        assert len(payloads(reader)) == 10


def test_a_full_disk_refuses_and_leaves_no_torn_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SpoolWriter(tmp_path)) as writer, closing(SpoolReader(tmp_path)) as reader:
        writer.append(b"before")

        def no_space(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", no_space)
            with pytest.raises(SpoolFull, match="No space left on device"):
                writer.append(b"lost")
        writer.append(b"after")
        assert payloads(reader) == [b"before", b"after"]
        assert reader.torn == 0


@pytest.mark.parametrize("kept", range(1, FRAME_BYTES + 4))  # every byte of the record
def test_a_record_cut_off_at_any_byte_is_counted_and_passed_over(tmp_path: Path, kept: int) -> None:
    write(tmp_path, b"whole", b"torn")
    (segment,) = segments(tmp_path)
    os.truncate(segment, len(b"whole") + FRAME_BYTES + kept)
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"whole"]  # the rest may still be on its way
        assert reader.torn == 0
        write(tmp_path, b"next")
        assert payloads(reader) == [b"next"]
        assert reader.torn == 1


@pytest.mark.parametrize("at", range(FRAME_BYTES + 4))
def test_a_record_damaged_at_any_byte_is_counted_and_passed_over(tmp_path: Path, at: int) -> None:
    write(tmp_path, b"whole", b"torn")
    write(tmp_path, b"next")
    segment = segments(tmp_path)[0]
    data = bytearray(segment.read_bytes())
    data[len(b"whole") + FRAME_BYTES + at] ^= 0x40
    segment.write_bytes(data)
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"whole", b"next"]
        assert reader.torn == 1


def test_zeros_after_a_power_cut_are_no_records(tmp_path: Path) -> None:
    write(tmp_path, b"whole")
    with segments(tmp_path)[0].open("ab") as segment:
        segment.write(bytes(64))
    write(tmp_path, b"next")
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"whole", b"next"]
        assert reader.torn == 1


def test_a_damaged_commit_brings_everything_again(tmp_path: Path) -> None:
    write(tmp_path, b"a")
    (tmp_path / "committed").write_text("half a lin")
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"a"]


def test_new_segments_stand_behind_the_commit_even_when_the_old_ones_are_gone(tmp_path: Path) -> None:
    write(tmp_path, b"a")
    with closing(SpoolReader(tmp_path)) as reader:
        reader.commit(reader.read(1)[0].position)
    segments(tmp_path)[0].unlink()
    write(tmp_path, b"b")
    with closing(SpoolReader(tmp_path)) as reader:
        assert payloads(reader) == [b"b"]


def test_each_side_has_one_owner(tmp_path: Path, writer: SpoolWriter, reader: SpoolReader) -> None:
    with pytest.raises(SpoolBusy, match="another process is its writer"):
        SpoolWriter(tmp_path / "spool")
    with pytest.raises(SpoolBusy, match="another process is its reader"):
        SpoolReader(tmp_path / "spool")


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for side in (SpoolWriter, SpoolReader):
        with pytest.raises(SpoolError, match=r"spool .*/file/spool: Not a directory"):
            side(tmp_path / "file" / "spool")


@pytest.mark.parametrize("payload", [b"", bytes((16 << 20) + 1)], ids=["empty", "too large"])
def test_a_record_has_bounds(writer: SpoolWriter, payload: bytes) -> None:
    with pytest.raises(SpoolError, match="a record has 1 to"):
        writer.append(payload)


def test_a_torn_record_is_counted_once_however_often_it_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, b"whole", b"torn")
    os.truncate(segments(tmp_path)[0], 2 * FRAME_BYTES + len(b"whole"))
    write(tmp_path, b"next")
    with closing(SpoolReader(tmp_path)) as reader:
        for _ in range(3):
            assert payloads(reader) == [b"whole", b"next"]
            reader.rewind()
        assert reader.torn == 1


def test_a_file_that_may_not_grow_refuses_and_leaves_no_torn_record(tmp_path: Path) -> None:
    """The kernel writes a part of the record, up to the limit, and refuses the rest."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(SpoolWriter(tmp_path)) as writer, closing(SpoolReader(tmp_path)) as reader:
        writer.append(b"x" * 900_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        try:
            with pytest.raises(SpoolFull, match="File too large"):
                writer.append(b"y" * 200_000)
            writer.append(b"z" * 20_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        writer.append(b"after")
        assert [len(payload) for payload in payloads(reader)] == [900_000, 20_000, 5]
        assert reader.torn == 0


@pytest.mark.parametrize("at", range(28))
def test_a_commit_torn_at_any_byte_leaves_the_one_before(tmp_path: Path, at: int) -> None:
    write(tmp_path, b"a", b"b", b"c")
    with closing(SpoolReader(tmp_path)) as reader:
        for record in reader.read(2):
            before = (tmp_path / "committed").read_bytes()
            reader.commit(record.position)
    after = (tmp_path / "committed").read_bytes()
    (start,) = {start for start in (0, 512) if before[start : start + 28] != after[start : start + 28]}
    (tmp_path / "committed").write_bytes(after[: start + at] + before[start + at :])
    with closing(SpoolReader(tmp_path)) as reader:
        expected = [b"c"] if after[: start + at] + before[start + at :] == after else [b"b", b"c"]
        assert payloads(reader) == expected


class SpoolMachine(RuleBasedStateMachine):
    """Any sequence of appending, reading, committing, rewinding and reopening, against a list and two indices."""

    def __init__(self) -> None:
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.writer = SpoolWriter(self.folder, segment_bytes=64)
        self.reader = SpoolReader(self.folder)
        self.written: list[bytes] = []
        self.read_count = self.committed_count = 0
        self.positions: dict[int, Position] = {}

    def teardown(self) -> None:
        self.writer.close()
        self.reader.close()
        self.temporary.cleanup()

    @rule(payload=st.binary(min_size=1, max_size=100))
    def append(self, payload: bytes) -> None:
        self.writer.append(payload)
        self.written.append(payload)

    @rule(limit=st.integers(1, 5))
    def read(self, limit: int) -> None:
        records = self.reader.read(limit)
        assert [record.payload for record in records] == self.written[self.read_count : self.read_count + limit]
        for record in records:
            self.read_count += 1
            self.positions[self.read_count] = record.position

    @precondition(lambda self: self.read_count > self.committed_count)
    @rule(data=st.data())
    def commit(self, data: st.DataObject) -> None:
        self.committed_count = data.draw(st.integers(self.committed_count + 1, self.read_count))
        self.reader.commit(self.positions[self.committed_count])

    @rule()
    def rewind(self) -> None:
        self.reader.rewind()
        self.read_count = self.committed_count

    @rule()
    def reopen_reader(self) -> None:
        self.reader.close()
        self.reader = SpoolReader(self.folder)
        self.read_count = self.committed_count

    @rule()
    def reopen_writer(self) -> None:
        self.writer.close()
        self.writer = SpoolWriter(self.folder, segment_bytes=64)

    @rule(data=st.data())
    def crash_in_a_record(self, data: st.DataObject) -> None:
        """The writer dies within a record that `append` never returned from."""
        self.writer.close()
        with segments(self.folder)[-1].open("ab") as segment:
            segment.write(b"\x05\x00\x00\x00\x99\x99\x99\x99abcde"[: data.draw(st.integers(1, 13))])
        self.writer = SpoolWriter(self.folder, segment_bytes=64)

    @invariant()
    def nothing_consumed_is_kept(self) -> None:
        if self.committed_count == self.read_count == len(self.written):
            assert self.reader.read(1) == []
            assert len(segments(self.folder)) == 1


TestSpoolMachine = SpoolMachine.TestCase
TestSpoolMachine.settings = settings(max_examples=60, stateful_step_count=40)
