"""`wproxy consume` between a real RabbitMQ and a real Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest

from capture.messages import Batch, encode
from capture.topology import dead_letters
from tests.support.consuming import (
    batch,
    batches,
    consumer,
    keys_of,
    processor_seconds,
    publish,
    publish_batches,
    redis_client,
    stored,
    wait_until_stored,
)
from tests.support.programs import free_port, redis_server
from tests.support.rabbitmq import Broker, rabbitmq
from tests.support.waiting import wait_for

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
PASSWORD = "correct horse"


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str:
    return cast("str", request.node.name)


def url(broker: Broker, queue: str) -> str:
    return f"{broker.url}?queue={queue}"


def test_every_observation_becomes_a_key_that_expires_with_its_capture_time(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    made = [batch(0), batch(3, age_s=60.0), batch(6, source="2001:db8::1"), batch(9, age_s=301.0)]
    publish_batches(broker, queue, made)
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port, "--ttl", "5m") as running:
        wait_until_stored(port, 9)
        with redis_client(port) as client:
            for each in made[:3]:
                for key, seen in zip(keys_of(each), each.observations, strict=True):
                    assert client.get(key) == f"{seen.source_port}|{seen.destination_port}"
                    assert abs(client.pexpiretime(key) - (seen.time_ns / 1e6 + 300_000)) <= 10
        # The expired batch leaves no key to wait for: wait for one behind it.
        publish_batches(broker, queue, [batch(12)])
        wait_until_stored(port, 12)
        counters = running.stop()
    assert counters["received_observations"] == 15
    assert (counters["written"], counters["expired"]) == (12, 3)
    assert counters["received_batches"] == counters["acked"] == 5
    assert broker.ready_messages(queue) == 0


def test_it_says_where_it_reads_and_writes_without_the_password(broker: Broker, queue: str, tmp_path: Path) -> None:
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        running.wait_for_line(f"guest:***@127.0.0.1:{broker.port}/?queue={queue} → redis 127.0.0.1:{port}\n")
        running.stop()


def test_a_redis_that_dies_in_mid_stream_loses_nothing_and_nothing_is_requeued(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    made, port = batches(150, size=100), free_port()
    publish_batches(broker, queue, made[:100])
    with redis_server(tmp_path, port, *DURABLE), redis_client(port) as client:
        pid = client.info("server")["process_id"]
        with consumer(tmp_path, url(broker, queue), port) as running:
            wait_for(lambda: client.dbsize() >= 1_000, what="the tenth batch")
            os.kill(pid, signal.SIGKILL)
            publish_batches(broker, queue, made[100:])  # it may have written all of the others by then
            running.wait_for_line(f"redis 127.0.0.1:{port}: ")
            with redis_server(tmp_path, port, *DURABLE):
                wait_until_stored(port, 15_000)
                running.wait_for_line(f"redis 127.0.0.1:{port}: back after")
                counters = running.stop()
    assert counters["redelivered"] == counters["poison"] == 0
    assert counters["retries"] > 0
    assert counters["acked"] == counters["received_batches"] == 150
    assert broker.ready_messages(queue) == 0


def test_what_a_killed_consumer_held_comes_again_and_doubles_nothing(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    publish_batches(broker, queue, batches(10))
    with redis_server(tmp_path) as port, redis_client(port) as client:
        client.client_pause(60_000, all=False)  # writes wait for their answer from now on
        with consumer(tmp_path, url(broker, queue), port) as first:
            wait_for(lambda: client.info("clients")["blocked_clients"] == 1, what="a write in hand")
            first.kill()
        client.client_unpause()
        with consumer(tmp_path, url(broker, queue), port, name="second") as second:
            wait_until_stored(port, 30)
            counters = second.stop()
    assert 1 <= counters["redelivered"] <= 10
    assert counters["acked"] == 10
    assert broker.ready_messages(queue) == 0


def test_poison_goes_to_the_dead_letters_and_holds_nothing_up(broker: Broker, queue: str, tmp_path: Path) -> None:
    poison = [b"", b"{", b'{"v":2,"sensor":"a","seq":0,"obs":[]}', encode(batch(0)).replace(b"10.0.0.1", b"10.0.0.256")]
    publish(broker, queue, [encode(batch(0)), *poison, encode(batch(3))])
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        wait_until_stored(port, 6)
        counters = running.stop()
        assert running.output().count("unreadable message: no JSON") == 1
    assert (counters["poison"], counters["acked"], counters["written"]) == (4, 2, 6)
    wait_for(lambda: broker.ready_messages(dead_letters(queue)) == 4, what="four dead letters")
    assert broker.take_all(dead_letters(queue)) == poison
    assert broker.ready_messages(queue) == 0


def test_a_command_that_redis_will_never_take_goes_to_the_dead_letters(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    made = batch(0)
    publish_batches(broker, queue, [made])
    with (
        redis_server(tmp_path, None, "--rename-command", "SET", "") as port,
        consumer(tmp_path, url(broker, queue), port) as running,
    ):
        running.wait_for_line("Redis refused a batch for good: ERR unknown command")
        counters = running.stop()
    assert (counters["poison"], counters["refused"], counters["written"], counters["acked"]) == (1, 3, 0, 0)
    wait_for(lambda: broker.ready_messages(dead_letters(queue)) == 1, what="the dead letter")
    assert broker.take_all(dead_letters(queue)) == [encode(made)]


def test_a_full_redis_is_waited_for(broker: Broker, queue: str, tmp_path: Path) -> None:
    publish_batches(broker, queue, batches(2))
    with (
        redis_server(tmp_path, None, "--maxmemory", "1") as port,
        redis_client(port) as client,
        consumer(tmp_path, url(broker, queue), port) as running,
    ):
        running.wait_for_line(f"redis 127.0.0.1:{port}: OOM command not allowed")
        client.config_set("maxmemory", 0)
        wait_until_stored(port, 6)
        counters = running.stop()
    assert (counters["written"], counters["acked"], counters["poison"]) == (6, 2, 0)


def test_the_password_comes_from_the_environment_and_a_wrong_one_holds_the_batches(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    publish_batches(broker, queue, batches(1))
    with redis_server(tmp_path, None, "--requirepass", PASSWORD) as port:
        wrong = {"WPROXY_REDIS_PASSWORD": "hunter two"}
        with consumer(tmp_path, url(broker, queue), port, name="wrong", env=wrong) as first:
            first.wait_for_line("WRONGPASS")
            assert first.stop()["acked"] == 0
            assert "hunter" not in first.output()
        right = {"WPROXY_REDIS_PASSWORD": PASSWORD}
        with consumer(tmp_path, url(broker, queue), port, env=right) as second:
            wait_for(lambda: stored(port, PASSWORD) == 3, what="three keys")
            assert second.stop()["acked"] == 1
            assert "horse" not in second.output()


@pytest.mark.parametrize(("options", "expected"), [([], 1), (["--connection-per-batch"], 12)])
def test_connections_to_redis(broker: Broker, tmp_path: Path, options: list[str], expected: int) -> None:
    queue = f"connections-{expected}"
    publish_batches(broker, queue, batches(12))
    with redis_server(tmp_path) as port:
        with consumer(tmp_path, url(broker, queue), port, *options) as running:
            with redis_client(port) as client:
                wait_for(lambda: client.dbsize() == 36, what="36 keys")
                before = cast("int", client.info("stats")["total_connections_received"])
            assert running.stop()["acked"] == 12
        own = 2  # the fixture's probe for the port, and the client above
        assert before - own == expected


def test_an_idle_connection_that_redis_closed_is_opened_again_without_a_word(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    made = batches(2)
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        publish_batches(broker, queue, made[:1])
        wait_until_stored(port, 3)
        with redis_client(port) as client:
            client.client_kill_filter(_type="normal", skipme=True)
        publish_batches(broker, queue, made[1:])
        wait_until_stored(port, 6)
        counters = running.stop()
        assert f"redis 127.0.0.1:{port}: " not in running.output()
    assert counters["retries"] == 0


@pytest.mark.long
def test_a_broker_that_is_away_at_the_start_and_dies_later_loses_nothing(tmp_path: Path) -> None:
    made = batches(40, size=20)
    queue = "wproxy.observations"
    with rabbitmq(tmp_path) as broker, redis_server(tmp_path) as port:
        broker.stop()
        with consumer(tmp_path, broker.url, port) as running:
            running.wait_for_line("connection refused; trying again, nothing is lost")
            broker.start()
            running.wait_for_line(" → redis ")
            publish_batches(broker, queue, made[:20])
            wait_for(lambda: stored(port) >= 20, what="the first batch")
            broker.restart()
            publish_batches(broker, queue, made[20:])
            wait_until_stored(port, 800, timeout_s=40.0)
            wait_for(lambda: broker.ready_messages(queue) == 0, what="an empty queue")
            counters = running.stop()
        assert counters["acked"] >= 20
        assert counters["poison"] == 0
        assert broker.ready_messages(queue) == 0


def test_a_stop_while_redis_is_away_gives_the_batch_back(broker: Broker, queue: str, tmp_path: Path) -> None:
    publish_batches(broker, queue, batches(1))
    with (
        redis_server(tmp_path, None, "--maxmemory", "1") as port,
        consumer(tmp_path, url(broker, queue), port) as running,
    ):
        running.wait_for_line(f"redis 127.0.0.1:{port}: OOM command not allowed")
        counters = running.stop()
    assert (counters["received_batches"], counters["acked"]) == (1, 0)
    wait_for(lambda: broker.ready_messages(queue) == 1, what="the batch back in the queue")


def test_a_queue_of_another_kind_under_the_same_name_is_named(broker: Broker, queue: str, tmp_path: Path) -> None:
    with broker.channel() as channel:
        channel.queue_declare(queue, durable=True)
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        running.wait_for_line(f"queue '{queue}' exists with other arguments: delete it or name another one")
        assert running.stop()["received_batches"] == 0


def test_a_refused_login_is_named(broker: Broker, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as port,
        consumer(tmp_path, broker.url.replace("guest:guest", "guest:secret"), port) as running,
    ):
        running.wait_for_line("the broker refused the user or the password; trying again")
        running.stop()
        assert "secret" not in running.output()


def test_ctrl_c_stops_it_too(broker: Broker, queue: str, tmp_path: Path) -> None:
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(10.0) == 0
        assert running.output().endswith(" 0 acked, 0 returned, 0 torn\n")


def test_two_consumers_share_a_queue(broker: Broker, queue: str, tmp_path: Path) -> None:
    made = batches(40)
    with (
        redis_server(tmp_path) as port,
        consumer(tmp_path, url(broker, queue), port, "--prefetch", "1", name="first") as first,
        consumer(tmp_path, url(broker, queue), port, "--prefetch", "1", name="second") as second,
    ):
        first.wait_for_line(" → redis ")
        second.wait_for_line(" → redis ")
        publish_batches(broker, queue, made)
        wait_until_stored(port, 120)
        written = first.stop()["written"], second.stop()["written"]
    assert sum(written) == 120
    assert all(written)


def page_at(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10.0) as answer:
        return str(answer.read().decode())


def test_the_metrics_page_shows_the_counters(broker: Broker, queue: str, tmp_path: Path) -> None:
    publish_batches(broker, queue, batches(2))
    page = f"127.0.0.1:{free_port()}"
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port, "--metrics", page) as running:
        wait_until_stored(port, 6)
        # Redis has them before the consumer has its answer.
        wait_for(lambda: "\nwproxy_consumer_written_total 6.0\n" in page_at(page), what="the counter")
        running.stop()


def test_a_batch_larger_than_one_pipeline_is_written_whole(broker: Broker, queue: str, tmp_path: Path) -> None:
    made: list[Batch] = [batch(0, size=2_500)]
    publish_batches(broker, queue, made)
    with redis_server(tmp_path) as port, consumer(tmp_path, url(broker, queue), port) as running:
        wait_until_stored(port, 2_500)
        assert running.stop()["written"] == 2_500


def test_the_nodes_of_a_broker_are_tried_in_turn_and_the_login_comes_from_the_environment(
    broker: Broker, queue: str, tmp_path: Path
) -> None:
    publish_batches(broker, queue, batches(1))
    nodes = f"amqp://127.0.0.1:{free_port()},localhost:{broker.port}/?queue={queue}"
    login = {"WPROXY_QUEUE_USER": "guest", "WPROXY_QUEUE_PASSWORD": "guest"}
    with redis_server(tmp_path) as port, consumer(tmp_path, nodes, port, env=login) as running:
        wait_until_stored(port, 3)
        assert running.stop()["acked"] == 1
        assert "trying again" not in running.output()
    with (
        redis_server(tmp_path) as port,
        consumer(tmp_path, nodes, port, name="wrong", env={**login, "WPROXY_QUEUE_PASSWORD": "other"}) as running,
    ):
        running.wait_for_line("the broker refused the user or the password; trying again")
        running.stop()
        assert "other" not in running.output()


def test_a_redis_that_is_away_is_waited_for_without_a_busy_loop(broker: Broker, queue: str, tmp_path: Path) -> None:
    publish_batches(broker, queue, batches(30))
    with consumer(tmp_path, url(broker, queue), free_port()) as running:
        running.wait_for_line("connection refused; batches are held")
        before = processor_seconds(running)
        with suppress(subprocess.TimeoutExpired):
            running.process.wait(3.0)
        assert processor_seconds(running) - before < 0.3
        assert running.stop()["acked"] == 0
        assert running.output().count("connection refused") == 1
