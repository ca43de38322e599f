"""Into a real RabbitMQ: confirmed, put aside while it is away, drained in order, nothing lost."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from capture.messages import CONTENT_TYPE, Batch, decode
from capture.topology import DEFAULT_QUEUE, dead_letters
from tests.support.capturing import PACKETS_PER_CONNECTION, Capture, capturing, connect, need_capture, spooled
from tests.support.programs import free_port
from tests.support.rabbitmq import Broker, rabbitmq
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def _may_capture() -> None:
    need_capture()


def take(broker: Broker, queue: str = DEFAULT_QUEUE) -> list[Batch]:
    return [decode(body) for body in broker.take_all(queue)]


def settled(capture: Capture, connections: int) -> dict[str, int]:
    """Return the counters when every packet of so many connections is confirmed, in all."""
    packets = PACKETS_PER_CONNECTION * connections

    def confirmed() -> dict[str, int] | None:
        counters = capture.counters()
        return counters if counters["packets"] == counters["confirmed"] == packets else None

    found = wait_for(confirmed, 30.0, "everything is confirmed")
    assert found is not None
    return found


def assert_complete(batches: list[Batch], sources: list[tuple[str, int]], count: int) -> None:
    """Every connection is there, every observation once, under consecutive numbers."""
    numbers = [batch.sequence + index for batch in batches for index in range(len(batch.observations))]
    assert sorted(set(numbers)) == list(range(count))
    seen = {(one.source, one.source_port) for batch in batches for one in batch.observations}
    assert seen == set(sources)


def test_batches_are_published_and_confirmed(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    queue = f"{broker.url}?queue=confirmed"
    # Its time must not be over before a batch is full, however slowly the packets come.
    more = ["--listen", f"127.0.0.1:{port}", "--batch-size", "50", "--batch-time", "5s"]
    with capturing(tmp_path, queue, *more) as capture:
        sources = connect("127.0.0.1", port, 100)
        counters = settled(capture, 100)
        summary = capture.stop()
    assert counters["spooled"] == counters["dropped"] == 0
    batches = take(broker, "confirmed")
    assert {batch.sensor for batch in batches} == {"test"}
    assert max(len(batch.observations) for batch in batches) == 50
    assert_complete(batches, sources, counters["packets"])
    numbers = [batch.sequence for batch in batches]
    assert numbers == sorted(numbers)
    assert f"{counters['packets']} confirmed" in summary
    assert "guest" not in capture.log.read_text().replace("guest:***@", "")


def test_messages_are_persistent_and_name_their_type(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    with capturing(tmp_path, f"{broker.url}?queue=typed", "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 1)
        settled(capture, 1)
    with broker.channel() as channel:
        method, properties, _ = channel.basic_get("typed", auto_ack=True)
    assert method is not None
    assert (properties.delivery_mode, properties.content_type) == (2, CONTENT_TYPE)


def test_the_queues_are_durable_quorum_queues(tmp_path: Path, broker: Broker) -> None:
    queue = f"{broker.url}?queue=quorum"
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{free_port()}"), broker.channel() as channel:
        wait_for(lambda: broker.has_queue("quorum"), 20.0, "the queue is declared")
        for name in ("quorum", dead_letters("quorum")):
            assert broker.has_queue(name)
        assert channel.is_open


def test_a_broker_that_is_killed_and_comes_back_gets_everything_in_order(tmp_path: Path) -> None:
    port = free_port()
    with rabbitmq(tmp_path) as broker:
        more = ["--listen", f"127.0.0.1:{port}", "--batch-size", "20"]
        with capturing(tmp_path, broker.url, *more) as capture:
            sources = connect("127.0.0.1", port, 50)
            settled(capture, 50)
            broker.kill()
            sources += connect("127.0.0.1", port, 50)
            capture.wait_for_count("spooled", 50 * PACKETS_PER_CONNECTION)
            broker.start()
            sources += connect("127.0.0.1", port, 50)
            counters = settled(capture, 150)
            capture.stop()
            log = capture.log.read_text()
        batches = take(broker)
    assert counters["expired"] == counters["dropped"] == 0
    assert counters["queued"] + counters["drained"] == counters["confirmed"] + counters["spooled"]
    assert_complete(batches, sources, counters["packets"])
    # What was under way when the broker died may have come twice; what is new comes in order.
    numbers = [batch.sequence for batch in batches]
    assert list(dict.fromkeys(numbers)) == sorted(set(numbers))
    assert log.count("batches go to the spool") <= 10  # by attempts to connect, not by batches
    assert "back" in log


def test_a_broker_that_was_never_there_costs_nothing(tmp_path: Path) -> None:
    port, broker_port = free_port(), free_port()
    queue = f"amqp://guest:guest@127.0.0.1:{broker_port}/"
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 10)
        counters = capture.wait_for_count("spooled", 10 * PACKETS_PER_CONNECTION)
        capture.stop()
        lines = capture.log.read_text().splitlines()
    assert counters["dropped"] == 0
    reasons = [line for line in lines if "Connection refused" in line]
    assert len(reasons) == 1
    assert f"127.0.0.1:{broker_port}" in reasons[0]
    assert len(lines) == 3  # ready, refused, summary
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}", name="again") as capture:
        connect("127.0.0.1", port, 1)  # the second process takes the spool of the first over
        capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
        capture.stop()


@pytest.mark.parametrize(
    ("login", "vhost", "reason"),
    [
        ("guest:wrong-password", "", "login refused for user 'guest'"),
        ("guest:guest", "no-such-vhost", "no access to virtual host 'no-such-vhost'"),
    ],
)
def test_a_broker_that_refuses_is_one_clear_line(
    tmp_path: Path, broker: Broker, login: str, vhost: str, reason: str
) -> None:
    port = free_port()
    queue = f"amqp://{login}@127.0.0.1:{broker.port}/{vhost}"
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 1)
        capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
        wait_for(lambda: reason in capture.log.read_text(), 20.0, reason)
        capture.stop()
        lines = capture.log.read_text().splitlines()
    assert len(lines) == 3  # ready, the reason, the counters
    assert "wrong-password" not in "".join(lines)


def test_a_queue_with_other_arguments_is_one_clear_line(tmp_path: Path, broker: Broker) -> None:
    with broker.channel() as channel:
        channel.queue_declare("foreign", durable=True)
    port = free_port()
    with capturing(tmp_path, f"{broker.url}?queue=foreign", "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 1)
        capture.wait_for_count("spooled", PACKETS_PER_CONNECTION)
        wait_for(lambda: "exists with other arguments" in capture.log.read_text(), 20.0)
        capture.stop()
        assert capture.log.read_text().count("exists with other arguments") == 1


def test_a_queue_that_is_deleted_meanwhile_is_declared_again(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    queue = f"{broker.url}?queue=deleted"
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 5)
        settled(capture, 5)
        with broker.channel() as channel:
            channel.queue_delete("deleted")
        sources = connect("127.0.0.1", port, 5)
        counters = settled(capture, 10)
        capture.stop()
        assert "no queue took a message" in capture.log.read_text()
    batches = take(broker, "deleted")
    assert {(o.source, o.source_port) for batch in batches for o in batch.observations} == set(sources)
    assert counters["dropped"] == 0


def test_what_waited_longer_than_its_time_to_live_is_dropped_and_counted(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    refused = f"amqp://guest:wrong@127.0.0.1:{broker.port}/?queue=expired"
    with capturing(tmp_path, refused, "--listen", f"127.0.0.1:{port}") as capture:
        connect("127.0.0.1", port, 5)
        old = capture.wait_for_count("spooled", 5 * PACKETS_PER_CONNECTION)["spooled"]
        capture.stop()
    stopped = time.monotonic()
    wait_for(lambda: time.monotonic() - stopped > 3.0, what="the batches to grow old")
    more = ["--listen", f"127.0.0.1:{port}", "--ttl", "3s"]
    with capturing(tmp_path, f"{broker.url}?queue=expired", *more, name="later") as capture:
        counters = capture.wait_for_count("expired", old)
        sources = connect("127.0.0.1", port, 1)
        capture.wait_for_count("confirmed", PACKETS_PER_CONNECTION)
        capture.stop()
    assert counters["expired"] == counters["drained"] == old
    batches = take(broker, "expired")
    assert {(o.source, o.source_port) for batch in batches for o in batch.observations} == set(sources)


def test_a_spool_that_grows_old_while_the_broker_is_away_gives_its_room_back(tmp_path: Path) -> None:
    port = free_port()
    queue = f"amqp://guest:guest@127.0.0.1:{free_port()}/"
    more = ["--listen", f"127.0.0.1:{port}", "--ttl", "1s"]
    with capturing(tmp_path, queue, *more) as capture:
        connect("127.0.0.1", port, 10)
        counters = capture.wait_for_count("expired", 10 * PACKETS_PER_CONNECTION)
        assert counters["spooled"] == counters["drained"] == counters["expired"] == counters["parsed"]
        capture.stop()
    (folder,) = (tmp_path / "state").iterdir()
    assert spooled(folder) == []


def test_a_broker_that_stops_confirming_is_given_up(tmp_path: Path, broker: Broker) -> None:
    port = free_port()
    queue = f"{broker.url}?queue=frozen"
    with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture:
        sources = connect("127.0.0.1", port, 5)
        settled(capture, 5)
        broker.freeze()
        try:
            sources += connect("127.0.0.1", port, 5)
            capture.wait_for_count("spooled", 5 * PACKETS_PER_CONNECTION, 40.0)  # given up after 10 s
        finally:
            broker.thaw()
        counters = settled(capture, 10)
        assert "no confirmation within 10 s" in capture.log.read_text()
        capture.stop()
        assert_complete(take(broker, "frozen"), sources, counters["packets"])


def test_a_broker_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    """A socket that accepts and says nothing: the connection attempt ends by its own time limit, capture by ours."""
    port = free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        queue = f"amqp://guest:guest@127.0.0.1:{silent.getsockname()[1]}/"
        with capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture:
            connect("127.0.0.1", port, 1)
            capture.wait_for_count("queued", PACKETS_PER_CONNECTION)
            summary = capture.stop()
    assert "0 dropped" in summary
    assert "0 spooled" not in summary
