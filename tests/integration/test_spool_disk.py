"""The spool on a disk that is full, and under a writer that is killed: real ones."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from capture.messages import encode
from capture.spool import SpoolFull, SpoolReader, SpoolWriter
from tests.support.consuming import batches, consumer, wait_until_stored
from tests.support.programs import lack, redis_server

WRITER = """
import sys
from pathlib import Path
from capture.spool import SpoolWriter
writer = SpoolWriter(Path(sys.argv[1]), segment_bytes=200_000)
number = int(sys.argv[2])
while True:
    number += 1
    writer.append(b"%d " % number + b"x" * (number * 7919 % 20_000))
    print(number, flush=True)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        lack(f"no permission to mount: {mounted.stderr.decode()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(writer: SpoolWriter, payloads: list[bytes]) -> int:
    """Append until the disk is full; return how many of `payloads` were taken."""
    for taken, payload in enumerate(payloads):
        try:
            writer.append(payload)
        except SpoolFull:
            return taken
    pytest.fail("the disk is too large")


def test_a_full_disk_refuses_and_a_reader_makes_room_on_it(small_disk: Path) -> None:
    record = b"x" * 10_000
    with (
        closing(SpoolWriter(small_disk, segment_bytes=50_000)) as writer,
        closing(SpoolReader(small_disk)) as reader,
    ):
        taken = fill(writer, [record] * 100)
        with pytest.raises(SpoolFull, match="No space left on device"):
            writer.append(record)
        records = reader.read(1_000)
        assert (len(records), reader.torn) == (taken, 0)
        reader.commit(records[-1].position)
        reader.read(1)
        writer.append(record)
        assert (len(reader.read(1_000)), reader.torn) == (1, 0)


def test_a_consumer_empties_a_spool_on_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    spool, made = small_disk / "spool", batches(40, size=200)
    with closing(SpoolWriter(spool, segment_bytes=50_000)) as writer, redis_server(tmp_path) as port:
        kept = fill(writer, [encode(each) for each in made])
        with consumer(tmp_path, f"spool://{spool}", port) as running:
            wait_until_stored(port, kept * 200)
            writer.append(encode(made[kept]))
            wait_until_stored(port, kept * 200 + 200)
            assert running.stop()["acked"] == kept + 1


def test_a_writer_that_is_killed_again_and_again_loses_nothing_it_has_said(tmp_path: Path) -> None:
    draw, spool, said = random.Random(5), tmp_path / "spool", [0]
    for _ in range(8):
        last = said[-1]
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(spool), str(last + 1_000)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            said += [int(process.stdout.readline()) for _ in range(draw.randint(1, 60))]
            process.kill()
            said += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    with closing(SpoolWriter(spool)), closing(SpoolReader(spool)) as reader:
        found = [int(record.payload.split()[0]) for record in reader.read(100_000)]
        assert found == sorted(set(found))
        assert set(said[1:]) <= set(found)
        assert len(found) - len(said[1:]) <= 8  # written, and killed before it was said
        assert reader.torn <= 8
