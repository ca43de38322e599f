"""`wproxy consume dead` on the dead letters of a real RabbitMQ and of a spool."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import cast

import pytest

from capture.messages import encode
from capture.spool import SpoolWriter
from capture.topology import dead_letters
from tests.support.consuming import batch, consumer, publish, stored, wait_until_stored
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for

OLD = encode(batch(0))  # as old as the run of all tests: a consumer may find it expired
POISON = {
    OLD.replace(b'"v":1', b'"v":2'): "unreadable message: version 2, this consumer reads 1",
    OLD[:-3]: "unreadable message: no JSON: ",
    OLD.replace(b'"10.0.0.1"', b"[true]"): "unreadable message: observation 0: [True] is no IP address",
    b'{"v":1,"sensor":"a","seq":0,"obs":[["10.0.0.1","10.0.0.2",1,2,32503680000000000000]]}': (
        "unreadable message: observation 0: 3.250368e+19 is no capture time"  # in the year 3000
    ),
    b'{"v":1,"sensor":"a","seq":0,"obs":[["10.0.0.1","10.0.0.2",1,2,4102444800000000001]]}': (
        "unreadable message: observation 0: 4102444800000000001 is no capture time"  # in the year 2100
    ),
    b"\xff\x00": "unreadable message: no JSON: ",
}


@pytest.fixture(params=["amqp", "spool"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty queue of either kind."""
    if request.param == "spool":
        return f"spool://{tmp_path}/spool"
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return f"{cast('Broker', request.getfixturevalue('broker')).url}?queue={name}"


def fill(broker: Broker, queue: str, bodies: list[bytes]) -> None:
    if queue.startswith("amqp"):
        publish(broker, queue.partition("=")[2], bodies)
        return
    writer = SpoolWriter(Path(queue.removeprefix("spool://")))
    for body in bodies:
        writer.append(body)
    writer.close()


def dead(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*WPROXY, "consume", "dead", *arguments], capture_output=True, text=True, timeout=30)


def wait_until_given_back(broker: Broker, queue: str, count: int) -> None:
    """Return when there are `count` letters to take: RabbitMQ gives back what one has looked at a little later."""
    if queue.startswith("amqp"):
        name = dead_letters(queue.partition("=")[2])
        wait_for(lambda: broker.ready_messages(name) == count, what=f"{count} dead letters")


def listed(broker: Broker, queue: str, count: int, *options: str) -> list[dict[str, object]]:
    """Return what is listed when there are `count` letters."""
    wait_until_given_back(broker, queue, count)
    answer = dead("list", "--queue", queue, "--json", *options)
    assert (answer.returncode, answer.stderr) == (0, "")
    return [json.loads(line) for line in answer.stdout.splitlines()]


def bury(broker: Broker, queue: str, folder: Path, bodies: list[bytes]) -> None:
    """Have a consumer find `bodies`, and one that it can store behind them."""
    fill(broker, queue, [*bodies, encode(batch(0))])
    with redis_server(folder) as port, consumer(folder, queue, port) as running:
        wait_until_stored(port, 3)
        counters = running.stop()
    assert (counters["poison"], counters["acked"], counters["written"]) == (len(bodies), 1, 3)


def test_each_kind_of_poison_is_listed_with_its_reason(broker: Broker, queue: str, tmp_path: Path) -> None:
    bury(broker, queue, tmp_path, list(POISON))
    for _ in range(2):  # to look does not take away
        letters = listed(broker, queue, len(POISON))
        assert [letter["message"] for letter in letters] == [body.decode(errors="backslashreplace") for body in POISON]
        for letter, reason in zip(letters, POISON.values(), strict=True):
            assert str(letter["reason"]).startswith(reason)
            assert letter["time"]
    assert len(listed(broker, queue, len(POISON), "--count", "2")) == 2
    wait_until_given_back(broker, queue, len(POISON))
    text = dead("list", "--queue", queue).stdout
    assert text.count("\n") == len(POISON)
    assert "unreadable message: version 2, this consumer reads 1" in text


def test_the_oldest_are_dropped_and_the_rest_stays(broker: Broker, queue: str, tmp_path: Path) -> None:
    bury(broker, queue, tmp_path, [b"1,", b"2,", b"3,"])
    wait_until_given_back(broker, queue, 3)
    assert dead("drop", "--queue", queue, "--count", "2").stdout == "2 dropped\n"
    assert [letter["message"] for letter in listed(broker, queue, 1)] == ["3,"]
    wait_until_given_back(broker, queue, 1)
    assert dead("drop", "--queue", queue).stdout == "1 dropped\n"
    assert listed(broker, queue, 0) == []


def test_what_is_requeued_is_stored_by_a_consumer_that_can(broker: Broker, queue: str, tmp_path: Path) -> None:
    fill(broker, queue, [encode(batch(0))])
    with (
        redis_server(tmp_path, None, "--rename-command", "SET", "") as port,
        consumer(tmp_path, queue, port, name="refused") as running,
    ):
        running.wait_for_line("Redis refused a batch for good: ERR unknown command")
        running.stop()
    (letter,) = listed(broker, queue, 1)
    assert str(letter["reason"]).startswith("Redis refused a batch for good: ERR unknown")
    wait_until_given_back(broker, queue, 1)
    assert dead("requeue", "--queue", queue).stdout == "1 requeued\n"
    assert listed(broker, queue, 0) == []
    with redis_server(tmp_path) as port, consumer(tmp_path, queue, port) as running:
        wait_until_stored(port, 3)
        assert running.stop()["acked"] == 1
        assert stored(port) == 3


def test_poison_that_is_requeued_comes_back_once(broker: Broker, queue: str, tmp_path: Path) -> None:
    bury(broker, queue, tmp_path, [b"{"])
    wait_until_given_back(broker, queue, 1)
    assert dead("requeue", "--queue", queue).stdout == "1 requeued\n"
    with redis_server(tmp_path) as port, consumer(tmp_path, queue, port, name="again") as running:
        running.wait_for_line("it went to the dead letters")
        assert running.stop()["poison"] == 1
    assert len(listed(broker, queue, 1)) == 1


def test_a_letter_of_the_broker_itself_has_its_words(broker: Broker) -> None:
    name = "given-up"
    publish(broker, name, [OLD])
    with broker.channel() as channel:
        method, _, _ = channel.basic_get(name)
        assert method is not None
        channel.basic_reject(method.delivery_tag, requeue=False)
    (letter,) = listed(broker, f"{broker.url}?queue={name}", 1)
    assert letter["reason"] == "given up by the broker: rejected"


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    missing = dead("list", "--queue", f"amqp://u:secret@127.0.0.1:{free_port()}/")
    assert missing.returncode == 1
    assert missing.stderr.startswith("wproxy consume: queue amqp://u:***@127.0.0.1:")
    assert missing.stderr.endswith(": connection refused\n")
    usage = dead("list")
    assert usage.returncode == 2
    assert usage.stderr.count("\n") == 1
    spool = tmp_path / "spool"
    (spool / "dead").mkdir(parents=True)
    writer, letter = SpoolWriter(spool), SpoolWriter(spool / "dead")
    letter.append(b"0 why\n{")
    letter.close()
    busy = dead("requeue", "--queue", f"spool://{spool}")
    writer.close()
    assert busy.returncode == 1
    assert busy.stderr == (
        f"wproxy consume: spool {spool}: another process is its writer: stop it or name another folder\n"
    )
    assert dead("list", "--queue", f"spool://{spool}").stdout.count("\n") == 1
