"""The demo's pipeline, from the traffic to the Redis servers: what runs, where it listens, and what it counts.

traffic ─▶ capture ─▶ queue ─▶ consumer ─▶ proxy ─┬─▶ redisA
              │                   │          │    └─▶ redisB
           metrics             metrics   stats socket
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from redis import Redis
from redis.exceptions import RedisError

from admin.client import SocketAddress, StatsSocket
from admin.commands.common import read_servers
from admin.commands.weight import set_weights
from admin.demo.broker import DemoQueue
from admin.demo.ports import HOST, FreePorts
from admin.demo.processes import Children
from admin.demo.redis_servers import RedisServers
from admin.demo.traffic import LoopbackClient, PcapClient, TrafficThread, may_capture
from admin.demo.waiting import Patience
from admin.errors import DemoError, NoAnswerError
from admin.metrics import read_counters

START_TIMEOUT_S = 20.0
_WPROXY = (sys.executable, "-m", "wproxy")
_CONFIGURATION = """\
global
    stats socket {socket} mode 600 level admin
    state-file none

defaults
    mode redis
    timeout connect 5s
    timeout client 1m
    timeout server 1m

listen redis
    bind {host}:{port}
    balance roundrobin
{servers}
"""


@dataclass(frozen=True, slots=True)
class Flow:
    """How many packets have come how far: seen by capture, safe in the queue, too old when their turn came."""

    captured: int
    queued: int
    expired: int


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the programs listen; all free when the demo began."""

    proxy: int
    capture: int
    capture_metrics: int
    consumer_metrics: int


class Pipeline:
    """The running whole. Made by `running`; ends with it."""

    def __init__(self, children: Children, servers: RedisServers, ports: Ports, folder: Path) -> None:
        self.servers = servers
        self._children = children
        self._ports = ports
        self._stats_socket = StatsSocket(SocketAddress(path=str(folder / "admin.sock")))
        self.real_packets = may_capture()
        self.traffic = TrafficThread(LoopbackClient(HOST, ports.capture))

    def measure(self) -> tuple[Flow, dict[str, int]]:
        """Return how far the packets have come and the keys of each server; DemoError when a program has ended."""
        self._children.check()
        try:
            keys = self.servers.key_counts()  # first, so that no more is ever stored than captured
            return self.flow(), keys
        except (DemoError, NoAnswerError):
            self._children.check_soon()  # why it does not answer says more than that it does not
            raise

    def flow(self) -> Flow:
        """Return how far the packets have come, by the counters of capture and consumer."""
        consumer = read_counters(HOST, self._ports.consumer_metrics, "wproxy_consumer_")
        capture = read_counters(HOST, self._ports.capture_metrics, "wproxy_capture_")
        return Flow(
            capture["packets"] - capture["ignored"], capture["queued"], capture["expired"] + consumer["expired"]
        )

    def weights(self) -> dict[str, int]:
        """Return the weights in force, as the proxy tells them."""
        return {server.name: server.weight for server in read_servers(self._stats_socket)}

    def set_weights(self, weights: Mapping[str, int]) -> list[str]:
        """Set the weights as `wproxy weight set` does; return the sentences it says."""
        wanted = {name: str(weight) for name, weight in weights.items()}
        return [str(change) for change in set_weights(self._stats_socket, wanted)]

    def start(self, queue: DemoQueue, weights: Mapping[str, int], folder: Path, ttl_s: int, patience: Patience) -> None:
        """Start every program, from the servers upwards, each when the one it needs answers."""
        self.servers.start(self._children, folder, patience)
        self._start_proxy(weights, folder, patience)
        self._start_consumer(queue, ttl_s, patience)
        self._start_capture(queue, ttl_s, folder, patience)

    def _start_proxy(self, weights: Mapping[str, int], folder: Path, patience: Patience) -> None:
        file = folder / "haproxy.cfg"
        file.write_text(configuration(folder / "admin.sock", self._ports.proxy, self.servers.ports, weights))
        self._children.start("proxy", [*_WPROXY, "-f", str(file)])
        patience.until(self._ready(self._proxy_answers), START_TIMEOUT_S, "the proxy answers")

    def _start_consumer(self, queue: DemoQueue, ttl_s: int, patience: Patience) -> None:
        metrics = f"{HOST}:{self._ports.consumer_metrics}"
        options = ["--redis", f"{HOST}:{self._ports.proxy}", "--ttl", f"{ttl_s}s", "--metrics", metrics]
        self._children.start("consumer", [*_WPROXY, "consume", *options], env=queue.environment)
        patience.until(
            self._ready(lambda: _counts(self._ports.consumer_metrics)), START_TIMEOUT_S, "the consumer starts"
        )

    def _start_capture(self, queue: DemoQueue, ttl_s: int, folder: Path, patience: Patience) -> None:
        metrics = f"{HOST}:{self._ports.capture_metrics}"
        options = ["--listen", f"{HOST}:{self._ports.capture}", "--metrics", metrics]
        options += ["--ttl", f"{ttl_s}s", "--spool-dir", str(folder / "capture")]
        if self.real_packets:
            self._children.start("capture", [*_WPROXY, "capture", *options, "--interface", "lo"], env=queue.environment)
        else:
            command = [*_WPROXY, "capture", *options, "--read", "-"]
            child = self._children.start("capture", command, stdin=PIPE, env=queue.environment)
            if child.process.stdin is None:
                raise DemoError("capture has no standard input")
            self.traffic = TrafficThread(PcapClient(child.process.stdin, HOST, self._ports.capture))
        patience.until(self._ready(lambda: _counts(self._ports.capture_metrics)), START_TIMEOUT_S, "capture starts")

    def _ready(self, condition: Callable[[], bool]) -> Callable[[], bool]:
        def ready() -> bool:
            self._children.check()
            return condition()

        return ready

    def _proxy_answers(self) -> bool:
        try:
            with Redis(host=HOST, port=self._ports.proxy, socket_timeout=2.0, protocol=2) as client:
                return bool(client.ping())
        except RedisError:
            return False


@contextmanager
def running(
    folder: Path, queue: DemoQueue, weights: Mapping[str, int], ttl_s: int, patience: Patience
) -> Iterator[Pipeline]:
    """Start a pipeline whose files are in `folder`, yield it, end every program."""
    free = FreePorts()
    ports = Ports(*(free.take() for _ in range(4)))
    with ExitStack() as owned:
        servers = owned.enter_context(RedisServers(tuple(weights), free))
        children = owned.enter_context(Children(folder))
        pipeline = Pipeline(children, servers, ports, folder)
        pipeline.start(queue, weights, folder, ttl_s, patience)
        yield pipeline


def configuration(socket: Path, port: int, servers: Mapping[str, int], weights: Mapping[str, int]) -> str:
    """Return the proxy's configuration: one listen section in mode redis, commands shared out by weight."""
    lines = [f"    server {name} {HOST}:{servers[name]} weight {weight} check" for name, weight in weights.items()]
    return _CONFIGURATION.format(socket=socket, host=HOST, port=port, servers="\n".join(lines))


def _counts(port: int) -> bool:
    try:
        read_counters(HOST, port, "wproxy_")
    except NoAnswerError:
        return False
    return True
