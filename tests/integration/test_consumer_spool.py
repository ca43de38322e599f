"""`wproxy consume` with the on-disk spool as its queue."""

from __future__ import annotations

import subprocess
from pathlib import Path

from capture.messages import Batch, encode
from capture.spool import SpoolReader, SpoolWriter
from tests.support.consuming import (
    batches,
    consumer,
    keys_of,
    processor_seconds,
    redis_client,
    stored,
    wait_until_stored,
)
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.waiting import wait_for


def append(folder: Path, bodies: list[bytes]) -> None:
    writer = SpoolWriter(folder)
    for body in bodies:
        writer.append(body)
    writer.close()


def append_batches(folder: Path, made: list[Batch]) -> None:
    append(folder, [encode(each) for each in made])


def left_in(folder: Path) -> list[bytes]:
    """Return what a reader would get now."""
    reader = SpoolReader(folder)
    bodies = [record.payload for record in reader.read(1_000)]
    reader.close()
    return bodies


def test_what_was_spooled_before_and_what_comes_later_is_written(tmp_path: Path) -> None:
    spool, made = tmp_path / "spool", batches(50)
    append_batches(spool, made[:30])
    with redis_server(tmp_path) as port, consumer(tmp_path, f"spool://{spool}", port) as running:
        running.wait_for_line(f"queue spool://{spool} → redis 127.0.0.1:{port}\n")
        wait_until_stored(port, 90)
        append_batches(spool, made[30:])
        wait_until_stored(port, 150)
        with redis_client(port) as client:
            assert client.exists(*[key for each in made for key in keys_of(each)]) == 150
        counters = running.stop()
    assert (counters["written"], counters["acked"]) == (150, 50)
    assert left_in(spool) == []


def test_a_consumer_killed_with_a_batch_in_hand_is_given_it_again(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    append_batches(spool, batches(10))
    with redis_server(tmp_path) as port, redis_client(port) as client:
        client.client_pause(60_000, all=False)  # writes wait for their answer from now on
        with consumer(tmp_path, f"spool://{spool}", port) as first:
            wait_for(lambda: client.info("clients")["blocked_clients"] == 1, what="a write in hand")
            first.kill()
        client.client_unpause()
        with consumer(tmp_path, f"spool://{spool}", port, name="second") as second:
            wait_until_stored(port, 30)
            assert second.stop()["acked"] == 10
    assert left_in(spool) == []


def test_a_redis_that_is_away_holds_the_spool(tmp_path: Path) -> None:
    spool, port = tmp_path / "spool", free_port()
    append_batches(spool, batches(3))
    with consumer(tmp_path, f"spool://{spool}", port) as running:
        running.wait_for_line(f"redis 127.0.0.1:{port}: connection refused; batches are held")
        with redis_server(tmp_path, port):
            wait_until_stored(port, 9)
            running.wait_for_line("back after")
            assert running.stop()["acked"] == 3


def test_a_redis_that_is_not_there_is_told_before_the_first_batch(tmp_path: Path) -> None:
    port = free_port()
    with consumer(tmp_path, f"spool://{tmp_path}/spool", port) as running:
        running.wait_for_line(f"redis 127.0.0.1:{port}: connection refused; batches are held")
        assert running.stop()["retries"] == 0


def test_poison_goes_to_the_spool_of_the_dead(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    first, second = batches(2)
    append(spool, [b"{", encode(first), b"[]", encode(second)])
    with redis_server(tmp_path) as port, consumer(tmp_path, f"spool://{spool}", port) as running:
        wait_until_stored(port, 6)
        counters = running.stop()
    assert (counters["poison"], counters["acked"]) == (2, 2)
    letters = [record.partition(b"\n") for record in left_in(spool / "dead")]
    assert [body for _, _, body in letters] == [b"{", b"[]"]
    assert [reason.partition(b" ")[2] for reason, _, _ in letters] == [
        b"unreadable message: no JSON: unexpected end of data: line 1 column 2 (char 1)",
        b"unreadable message: no JSON object",
    ]
    assert left_in(spool) == []


def test_a_torn_record_is_counted_and_skipped(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    first, second = batches(2)
    append_batches(spool, [first])
    segment = max(spool.glob("*.seg"))
    segment.write_bytes(segment.read_bytes() + b"\x40\x00\x00\x00\x01\x02")
    append_batches(spool, [second])
    with redis_server(tmp_path) as port, consumer(tmp_path, f"spool://{spool}", port) as running:
        wait_until_stored(port, 6)
        running.wait_for_line("and lost: 1")
        counters = running.stop()
    assert (counters["torn"], counters["written"]) == (1, 6)


def test_an_empty_spool_costs_next_to_nothing(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with redis_server(tmp_path) as port, consumer(tmp_path, f"spool://{spool}", port) as running:
        append_batches(spool, batches(1))
        wait_until_stored(port, 3)
        before = processor_seconds(running)
        try:
            running.process.wait(2.0)
        except subprocess.TimeoutExpired:
            idle = processor_seconds(running) - before
        assert idle < 0.2
        running.stop()


def test_a_second_consumer_of_one_spool_is_told_so(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with redis_server(tmp_path) as port, consumer(tmp_path, f"spool://{spool}", port) as running:
        running.wait_for_line(" → redis ")
        command = [*WPROXY, "consume", "--queue", f"spool://{spool}", "--redis", f"127.0.0.1:{port}"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=20)
        assert second.returncode == 1
        assert second.stderr == (
            f"wproxy consume: spool {spool}: another process is its reader: stop it or name another folder\n"
        )
        assert stored(port) == 0
        running.stop()
