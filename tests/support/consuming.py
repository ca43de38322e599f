"""Runs `wproxy consume` and gives it something to consume."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pika
from redis import Redis

from capture.messages import CONTENT_TYPE, Batch, Observation, encode
from capture.topology import declare
from tests.support.programs import START_TIMEOUT_S, WPROXY, running
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for

READY = " → redis "


@dataclass
class Consumer:
    """A running `wproxy consume`."""

    process: subprocess.Popen[bytes]
    log: Path

    def output(self) -> str:
        return self.log.read_text()

    def wait_for_line(self, text: str, timeout_s: float = 20.0) -> None:
        """Return when the consumer has printed `text`."""
        wait_for(lambda: text in self.output() or self.process.poll() is not None, timeout_s, text)
        assert text in self.output(), self.output()

    def stop(self) -> dict[str, int]:
        """Stop it as a service manager does; return the counters it printed."""
        self.process.terminate()
        assert self.process.wait(START_TIMEOUT_S) == 0, self.output()
        assert "Traceback" not in self.output()
        last_line = self.output().splitlines()[-1]
        return {name.replace(" ", "_"): int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", last_line)}

    def kill(self) -> None:
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def consumer(
    folder: Path, queue: str, redis_port: int, *options: str, name: str = "consume", env: dict[str, str] | None = None
) -> Iterator[Consumer]:
    """Run `wproxy consume`; yield it when it reads the queue, or has said why it cannot yet."""
    command = [*WPROXY, "consume", "--queue", queue, "--redis", f"127.0.0.1:{redis_port}", *options]
    with running(command, folder, name, env) as process:
        made = Consumer(process, folder / f"{name}.log")
        made.wait_for_line("wproxy consume: ")
        yield made


def processor_seconds(running: Consumer) -> float:
    """Return the processor time that the consumer has used, its start included (proc(5), stat, fields 14 and 15)."""
    fields = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def batch(sequence: int, size: int = 3, age_s: float = 0.0, source: str = "10.0.0.1") -> Batch:
    """Return a batch that was captured `age_s` seconds ago; its observations' numbers start at `sequence`."""
    time_ns = time.time_ns() - int(age_s * 1e9)
    seen = (Observation(source, "127.0.0.1", 40_000 + index, 9_000, time_ns + index * 1_000) for index in range(size))
    return Batch("host-a", sequence, tuple(seen))


def batches(count: int, size: int = 3) -> list[Batch]:
    """Return batches with sequence numbers that follow each other."""
    return [batch(number * size, size) for number in range(count)]


def publish(broker: Broker, queue: str, bodies: list[bytes]) -> None:
    """Declare `queue` and put `bodies` into it, confirmed."""
    with broker.channel() as channel:
        declare(channel, queue)
        channel.confirm_delivery()
        properties = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2)
        for body in bodies:
            channel.basic_publish("", queue, body, properties, mandatory=True)


def publish_batches(broker: Broker, queue: str, made: list[Batch]) -> None:
    publish(broker, queue, [encode(each) for each in made])


def keys_of(made: Batch) -> list[str]:
    """Return the keys of a batch, spelled out here a second time on purpose."""
    return [
        f"obs|{seen.source}|{seen.destination}|{seen.time_ns}|{made.sensor}|{made.sequence + index}"
        for index, seen in enumerate(made.observations)
    ]


@contextmanager
def redis_client(port: int, password: str | None = None) -> Iterator[Redis]:
    """Connect redis-py to a server."""
    client = Redis(port=port, password=password, decode_responses=True)
    try:
        yield client
    finally:
        client.close()


def stored(port: int, password: str | None = None) -> int:
    """Return the number of keys of a server."""
    with redis_client(port, password) as client:
        return client.dbsize()


def wait_until_stored(port: int, count: int, timeout_s: float = 20.0) -> None:
    """Return when the server has `count` keys."""
    wait_for(lambda: stored(port) >= count, timeout_s, f"{count} keys")
    assert stored(port) == count
