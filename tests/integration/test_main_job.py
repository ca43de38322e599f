"""The main job on real parts: packets on the loopback, RabbitMQ, the proxy, two Redis servers by weight."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from capture.messages import encode
from tests.support.capturing import need_capture
from tests.support.consuming import batches, consumer, publish, stored
from tests.support.programs import WPROXY, free_port, redis_server, running
from tests.support.proxies import Proxy, proxy
from tests.support.rabbitmq import Broker
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

TTL_S = 300
TOLERANCE_MS = 10


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[int, int]]:
    with redis_server(tmp_path) as first, redis_server(tmp_path) as second:
        yield first, second


@contextmanager
def weighted(folder: Path, servers: tuple[int, int], mode: str) -> Iterator[Proxy]:
    """Run the proxy in front of `servers` with weights 30 and 70."""
    lines = [f"server {name} 127.0.0.1:{port} weight {weight} check inter 200ms" for name, port, weight in (
        ("redisA", servers[0], 30), ("redisB", servers[1], 70),
    )]  # fmt: skip
    with proxy("wproxy", folder, "balance roundrobin", *lines, mode=mode) as started:
        yield started


@contextmanager
def capturing(folder: Path, queue: str) -> Iterator[int]:
    """Run `wproxy capture` on the loopback, yield the port that it watches."""
    port = free_port()
    command = [*WPROXY, "capture", "--listen", f"127.0.0.1:{port}", "--interface", "lo", "--queue", queue]
    with running([*command, "--sensor", "test", "--spool-dir", str(folder / "fallback")], folder, "capture") as process:
        log = folder / "capture.log"

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return "listening on" in log.read_text()

        wait_for(ready, 20.0, "capture")
        yield port


def connect_from_many(port: int, connections: int) -> set[str]:
    """Open and close connections to `port`, each from a loopback address of its own; return the addresses."""
    sources = {f"127.1.{index // 250}.{index % 250 + 1}" for index in range(connections)}
    for source in sources:
        with socket.create_connection(("127.0.0.1", port), 5.0, (source, 0)) as client:
            client.sendall(b"x")
    return sources


def keys(port: int) -> list[str]:
    with Redis(port=port, decode_responses=True) as client:
        return [str(key) for key in client.scan_iter(count=1000)]


def test_packets_reach_the_redis_servers_by_weight_with_their_expiry(
    tmp_path: Path, servers: tuple[int, int], broker: Broker
) -> None:
    need_capture()
    queue = f"{broker.url}?queue=main"
    with (
        weighted(tmp_path, servers, "redis") as started,
        capturing(tmp_path, queue) as watched,
        consumer(tmp_path, queue, started.port, "--ttl", f"{TTL_S}s"),
    ):
        sources = connect_from_many(watched, 200)

        def all_seen() -> list[str]:
            found = keys(servers[0]) + keys(servers[1])
            return found if {key.split("|")[1] for key in found} >= sources else []

        found = wait_for(all_seen, 20.0, "a key of every source")
        # SYN, ACK, data, FIN, … of each connection, and all of them to the address that is watched
        assert len(found) >= 4 * len(sources)
        assert len(set(found)) == len(found)
        assert {key.split("|")[2] for key in found} == {"127.0.0.1"}

        total = wait_for(lambda: settled(servers), 20.0, "the pipeline to drain")
        assert abs(stored(servers[0]) - total * 0.3) <= 1
        check_expiry(servers[0], found)

        subprocess.run(
            [*WPROXY, "weight", "set", "redisA", "70", "--socket", str(started.stats.path)], check=True, timeout=20
        )
        before = (stored(servers[0]), stored(servers[1]))
        connect_from_many(watched, 200)
        total = wait_for(lambda: settled(servers), 20.0, "the pipeline to drain") - sum(before)
        assert total >= 800
        assert abs(stored(servers[0]) - before[0] - total * 0.5) <= 1


def settled(servers: tuple[int, int]) -> int:
    """Return the number of keys, once two looks at it, a second apart, agree; 0 until then."""
    counts = []

    def look() -> bool:
        counts.append(stored(servers[0]) + stored(servers[1]))
        return len(counts) > 50 and len(set(counts[-50:])) == 1

    wait_for(look, 20.0, "a number that stays")
    return counts[-1]


def check_expiry(port: int, found: list[str]) -> None:
    """Compare the expiry of a server's keys with the capture time that stands in them."""
    with Redis(port=port, decode_responses=True) as client:
        mine = [key for key in found if client.exists(key)]
        assert mine
        for key in mine:
            expected_ms = int(key.split("|")[3]) / 1e6 + TTL_S * 1000
            assert abs(int(client.pexpiretime(key)) - expected_ms) <= TOLERANCE_MS


def test_mode_tcp_with_a_connection_per_batch_gives_the_batches_by_weight(
    tmp_path: Path, servers: tuple[int, int], broker: Broker
) -> None:
    queue = "per.connection"
    with weighted(tmp_path, servers, "tcp") as started:
        url = f"{broker.url}?queue={queue}"
        publish(broker, queue, [encode(batch) for batch in batches(100, size=5)])
        with consumer(tmp_path, url, started.port, "--connection-per-batch"):
            wait_for(lambda: stored(servers[0]) + stored(servers[1]) == 500, 20.0, "500 keys")
        assert (stored(servers[0]), stored(servers[1])) == (150, 350)
        assert started.stats.numbers("BACKEND", "stot") == (100,)
