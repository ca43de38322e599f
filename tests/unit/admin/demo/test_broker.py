"""admin.demo.broker: the demo's own queue in the broker's URL, and the folder that is the queue without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from admin.demo.broker import demo_queue, with_queue
from admin.errors import MisusedError


def test_the_queue_replaces_whatever_the_url_names() -> None:
    assert with_queue("amqp://u:p@h:5673/v?queue=mine#x", "demo.1") == "amqp://u:p@h:5673/v?queue=demo.1"


@pytest.mark.parametrize("url", ["", "http://h/", "amqp://", "amqp://h:port/", "h:5672", "amqp://secret@h:99999/"])
def test_a_url_of_no_broker_is_a_usage_error_that_repeats_no_secret(url: str) -> None:
    with pytest.raises(MisusedError) as error:
        with_queue(url, "demo.1")
    assert "secret" not in str(error.value)


def test_without_a_broker_the_queue_is_a_folder() -> None:
    with demo_queue(None, Path("/tmp/a b")) as queue:
        assert queue.url == "spool:///tmp/a%20b/queue"
