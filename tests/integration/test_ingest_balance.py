"""`wproxy show ingest`: every packet is accounted for, through a broker and through a spool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from capture.messages import encode
from tests.support.capturing import PACKETS_PER_CONNECTION, capturing, connect, need_capture
from tests.support.consuming import batch, consumer, publish, wait_until_stored
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def _may_capture() -> None:
    need_capture()


def ingest(*pages: str) -> dict[str, int]:
    command = [*WPROXY, "show", "ingest", *pages, "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (answer.returncode, answer.stderr) == (0, "")
    found: dict[str, int] = json.loads(answer.stdout)
    return found


def test_the_sums_agree_through_a_broker(tmp_path: Path, broker: Broker) -> None:
    port, page = free_port(), f"127.0.0.1:{free_port()}"
    queue = f"{broker.url}?queue=sums"
    with (
        redis_server(tmp_path) as redis,
        capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}", "--batch-size", "10") as capture,
    ):
        pages = f"127.0.0.1:{capture.metrics_port}", page
        connect("127.0.0.1", port, 50)
        captured = capture.wait_for_count("confirmed", 50 * PACKETS_PER_CONNECTION)["packets"]
        before = ingest(pages[0])
        assert (before["captured"], before["in_flight"], before["stored"]) == (captured, captured, 0)
        with consumer(tmp_path, queue, redis, "--metrics", page):
            wait_until_stored(redis, captured)
            wanted = {**before, "in_flight": 0, "stored": captured}
            wait_for(lambda: ingest(*pages) == wanted, 20.0, "the counters")
            publish(broker, "sums", [b"{", encode(batch(0, age_s=400.0))])
            wanted = {"expired": 3, "unreadable": 1, "came_again": 3, "in_hand": 0}
            wait_for(lambda: wanted.items() <= ingest(*pages).items(), 20.0, "the expired batch, no more in hand")


def test_the_sums_agree_through_a_spool(tmp_path: Path) -> None:
    port, page, queue = free_port(), f"127.0.0.1:{free_port()}", f"spool://{tmp_path}/spool"
    with (
        redis_server(tmp_path) as redis,
        capturing(tmp_path, queue, "--listen", f"127.0.0.1:{port}") as capture,
    ):
        pages = f"127.0.0.1:{capture.metrics_port}", page
        connect("127.0.0.1", port, 20)
        captured = capture.wait_for_count("spooled", 20 * PACKETS_PER_CONNECTION)["spooled"]
        assert ingest(pages[0])["in_spool"] == captured
        with consumer(tmp_path, queue, redis, "--metrics", page):
            wait_until_stored(redis, captured)
            wait_for(lambda: ingest(*pages)["stored"] == captured, 20.0, "the counters")
            found = ingest(*pages)
            assert (found["captured"], found["in_spool"], found["in_flight"], found["came_again"]) == (
                captured,
                0,
                0,
                0,
            )


def test_a_page_that_is_not_there_or_of_something_else_is_one_line(tmp_path: Path) -> None:
    port = free_port()
    gone = subprocess.run([*WPROXY, "show", "ingest", f"127.0.0.1:{port}"], capture_output=True, text=True, timeout=20)
    assert (gone.returncode, gone.stderr) == (
        3,
        f"wproxy: no metrics at 127.0.0.1:{port}: [Errno 111] Connection refused\n",
    )
    usage = subprocess.run([*WPROXY, "show", "ingest"], capture_output=True, text=True, timeout=20)
    assert usage.returncode == 2
    assert usage.stderr.count("\n") == 1
