"""The whole pipeline with real servers, each part of which can be made to go away and come back.

tcpreplay ─▶ capture ─▶ relay ─▶ RabbitMQ ─▶ two consumers ─▶ proxy ─▶ two Redis
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from redis import Redis

from tests.support.capturing import Capture
from tests.support.killable import DURABLE, KillableRedis, killable_redis
from tests.support.packets import DESTINATION, PORT
from tests.support.programs import WPROXY, free_port, listening
from tests.support.rabbitmq import Broker, rabbitmq
from tests.support.relay import Relay, relay
from tests.support.restartable import Restartable, restartable
from tests.support.veth import Wire

TTL_S = 1_200  # longer than any run: what is stored is there when it is looked for
QUEUE = "wproxy.observations"
CONFIG = """\
global
    stats socket {folder}/admin.sock mode 600 level admin
    state-file none
defaults
    mode redis
    timeout connect 2s
    timeout client 1m
    timeout server 1m
listen redis
    bind 127.0.0.1:{port}
    balance key
    server redisA 127.0.0.1:{servers[0]} weight 30 check inter 200ms fall 2 rise 1
    server redisB 127.0.0.1:{servers[1]} weight 70 check inter 200ms fall 2 rise 1
"""


@dataclass(frozen=True)
class Pipeline:
    """What runs."""

    broker: Broker
    servers: tuple[KillableRedis, KillableRedis]
    relay: Relay
    proxy: Restartable
    proxy_port: int
    consumers: tuple[Restartable, Restartable]
    capture: Restartable
    capture_view: Capture
    metrics_pages: tuple[str, ...]

    def stored(self) -> int:
        """Return how many keys the servers have."""
        total = 0
        for server in self.servers:
            with Redis(port=server.port) as client:
                total += int(client.dbsize())
        return total

    def balance(self) -> dict[str, int]:
        """Return what `wproxy show ingest` says."""
        command = [*WPROXY, "show", "ingest", *self.metrics_pages, "--json"]
        found: dict[str, int] = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
        return found

    def start_proxy(self) -> None:
        self.proxy.start(lambda: listening(self.proxy_port))


@contextmanager
def pipeline(folder: Path, wire: Wire, *, durable: bool = True, ttl_s: int = TTL_S) -> Iterator[Pipeline]:
    """Start everything, yield it, end it; only `durable` servers have their keys after a kill."""
    options = DURABLE if durable else ()
    with ExitStack() as stack:
        broker = stack.enter_context(rabbitmq(folder))
        first, second = (stack.enter_context(killable_redis(_made(folder / name), *options)) for name in ("a", "b"))
        between = stack.enter_context(relay(broker.port))
        port, metrics = free_port(), free_port()
        (folder / "soak.cfg").write_text(CONFIG.format(folder=folder, port=port, servers=(first.port, second.port)))
        proxy = stack.enter_context(restartable("proxy", folder, [*WPROXY, "-f", "soak.cfg"], lambda: listening(port)))
        consume = ["consume", "--queue", broker.url, "--redis", f"127.0.0.1:{port}", "--ttl", f"{ttl_s}s"]
        pages = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
        consumers = tuple(
            stack.enter_context(restartable(f"consumer{number}", folder, [*WPROXY, *consume, "--metrics", page]))
            for number, page in enumerate(pages, 1)
        )
        command = [*WPROXY, "capture", "--queue", f"amqp://127.0.0.1:{between.port}/", "--sensor", "soak"]
        command += ["--listen", f"{DESTINATION}:{PORT}", "--no-listen", "--interface", wire.near]
        command += ["--spool-dir", str(folder / "state"), "--metrics", f"127.0.0.1:{metrics}", "--ttl", f"{ttl_s}s"]
        log = folder / "capture.log"
        capture = stack.enter_context(
            restartable("capture", folder, command, lambda: "wproxy capture: watching" in log.read_text())
        )
        assert capture.process is not None
        view = Capture(capture.process, log, metrics)
        yield Pipeline(
            broker,
            (first, second),
            between,
            proxy,
            port,
            (consumers[0], consumers[1]),
            capture,
            view,
            (f"127.0.0.1:{metrics}", *pages),
        )


class Faults:
    """Makes parts of a pipeline go away and come back, at moments that a seed decides, in threads of their own."""

    def __init__(self, made: Pipeline, seed: int, seconds: float, rounds: int) -> None:
        self.told: list[str] = []
        self._pipeline = made
        self._draw = random.Random(seed)
        self._failures: list[BaseException] = []
        self._waiting = Event()  # never set: what waits on it waits for time, which is what a fault is made of
        kinds = (self._consumer, self._connection, self._broker, self._redis, self._proxy)
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(kind, [self._draw.uniform(0.05, 0.95) * seconds for _ in range(rounds)], self._draw.random()),
                name=kind.__name__,
            )
            for kind in kinds
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait until everything is back."""
        for thread in self._threads:
            thread.join(240.0)
            assert not thread.is_alive(), f"{thread.name} did not come back; {self.told}"
        if self._failures:
            raise self._failures[0]

    def _run(self, fault: Callable[[random.Random], None], moments: list[float], seed: float) -> None:
        draw, now = random.Random(seed), 0.0
        try:
            for moment in sorted(moments):
                self._waiting.wait(max(0.0, moment - now))
                now = moment
                self.told.append(f"{moment:.1f} s {fault.__name__.strip('_')}")
                fault(draw)
        except BaseException as error:  # noqa: BLE001 - told by join, in the test's own thread
            self._failures.append(error)

    def _away(self, draw: random.Random) -> None:
        self._waiting.wait(draw.uniform(0.1, 1.0))

    def _consumer(self, draw: random.Random) -> None:
        one = self._pipeline.consumers[draw.randrange(2)]
        one.kill()
        self._away(draw)
        one.start()

    def _connection(self, draw: random.Random) -> None:
        self._pipeline.relay.cut()

    def _broker(self, draw: random.Random) -> None:
        self._pipeline.broker.kill()
        self._away(draw)
        self._pipeline.broker.start()

    def _redis(self, draw: random.Random) -> None:
        server = self._pipeline.servers[draw.randrange(2)]
        server.kill()
        self._away(draw)
        server.start()

    def _proxy(self, draw: random.Random) -> None:
        self._pipeline.proxy.kill()
        self._away(draw)
        self._pipeline.start_proxy()


def counters_of(line: str) -> dict[str, int]:
    """Return the counters of the line that a consumer ends with."""
    return {name.replace(" ", "_"): int(count) for count, name in re.findall(r"(\d+) ([a-z ]+)", line)}


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
