from __future__ import annotations

from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from capture.counters import Counters
from capture.messages import Batch, Observation, decode
from capture.publisher import Backoff, SpoolPublisher, fallback_folder
from capture.shelf import Shelf
from capture.spool import SpoolReader, SpoolWriter
from capture.topology import BrokerQueue


def batch(number: int) -> Batch:
    return Batch("a", 2 * number, (Observation("10.0.0.1", "10.0.0.2", 1, 2, 3),) * 2)


def test_what_was_put_before_the_stop_is_in_the_spool_in_order(tmp_path: Path) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path)) as writer:
        publisher = SpoolPublisher(Shelf(counters, writer), counters)
        publisher.start()
        for number in range(100):
            assert publisher.put(batch(number), timeout_s=5.0)
        publisher.stop(5.0)
        assert not publisher.is_alive
    with closing(SpoolReader(tmp_path)) as reader:
        assert [decode(record.payload) for record in reader.read(1000)] == [batch(number) for number in range(100)]
    assert (counters.queued, counters.spooled, counters.dropped) == (200, 200, 0)


def test_a_full_spool_drops_and_counts(tmp_path: Path) -> None:
    counters = Counters()
    with closing(SpoolWriter(tmp_path, limit_bytes=400)) as writer:
        publisher = SpoolPublisher(Shelf(counters, writer), counters)
        publisher.start()
        for number in range(10):
            publisher.put(batch(number), timeout_s=5.0)
        publisher.stop(5.0)
    assert counters.spooled > 0
    assert counters.dropped_spool > 0
    assert counters.spooled + counters.dropped_spool == counters.queued == 20


@given(st.integers(0, 2000), st.floats(0, 1, exclude_max=True))
def test_the_wait_grows_to_a_bound_and_varies_by_half(failures: int, jitter: float) -> None:
    delay = Backoff(failures).delay_s(jitter)
    assert 0.125 <= delay <= 10.0
    assert Backoff(failures).failed().delay_s(jitter) >= delay
    assert Backoff(failures).delay_s(0.0) * 2 >= delay


def test_each_capture_and_each_queue_has_a_folder_of_its_own() -> None:
    watched = ["eth0", "192.0.2.1:9000"]
    captures = [
        (BrokerQueue("a", 1), watched),
        (BrokerQueue("a", 2), watched),
        (BrokerQueue("b", 1), watched),
        (BrokerQueue("a", 1, queue="other"), watched),
        (BrokerQueue("a", 1, vhost="other"), watched),
        (BrokerQueue("::1", 1, vhost="../.."), watched),
        (BrokerQueue("a", 1), ["eth1", "192.0.2.1:9000"]),
        (BrokerQueue("a", 1), ["eth0", "192.0.2.2:9000"]),
        (BrokerQueue("a", 1), ["eth0", "192.0.2.1:9001"]),
        (BrokerQueue("a", 1), ["eth0", "192.0.2.1:9000", "192.0.2.1:9001"]),
        (BrokerQueue("a", 1), ["eth0", *(f"192.0.2.{host}:9000" for host in range(100))]),
    ]
    folders = [fallback_folder(Path("/state"), queue, watched) for queue, watched in captures]
    assert len(set(folders)) == len(captures)
    assert folders == [fallback_folder(Path("/state"), queue, watched) for queue, watched in captures]
    assert all(folder.parent == Path("/state") for folder in folders)
    assert all(folder.name not in {".", ".."} and len(folder.name) < 255 for folder in folders)
