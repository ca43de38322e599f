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
from tests.support.capturing import PACKETS_PER_CONNECTION, Capture, capturing, need_capture
from tests.support.consuming import batches, consumer, publish, stored
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.rabbitmq import Broker
from tests.support.tcp_server import TIMEOUT_S
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


def connect_from_many(port: int, connections: int) -> set[str]:
    """Open and close connections to `port`, each from a loopback address of its own; return the addresses.

    To the end, so that the last packet of each has been sent.
    """
    sources = {f"127.1.{index // 250}.{index % 250 + 1}" for index in range(connections)}
    for source in sources:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0)) as client:
            client.sendall(b"x")
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""
    return sources


def keys(port: int) -> list[str]:
    with Redis(port=port, decode_responses=True) as client:
        return [str(key) for key in client.scan_iter(count=1000)]


def test_packets_reach_the_redis_servers_by_weight_with_their_expiry(
    tmp_path: Path, servers: tuple[int, int], broker: Broker
) -> None:
    need_capture()
    queue, watched = f"{broker.url}?queue=main", free_port()
    with (
        weighted(tmp_path, servers, "redis") as started,
        capturing(tmp_path, queue, "--listen", f"127.0.0.1:{watched}", "--interface", "lo") as capture,
        consumer(tmp_path, queue, started.port, "--ttl", f"{TTL_S}s"),
    ):
        sources = connect_from_many(watched, 200)
        total = wait_for(lambda: all_stored(capture, servers, 200), 20.0, "every packet is stored")
        found = keys(servers[0]) + keys(servers[1])
        assert {key.split("|")[1] for key in found} == sources
        assert {key.split("|")[2] for key in found} == {"127.0.0.1"}
        assert len(set(found)) == len(found) == total
        assert abs(stored(servers[0]) - total * 0.3) <= 1
        check_expiry(servers[0], found)

        subprocess.run(
            [*WPROXY, "weight", "set", "redisA", "70", "--socket", str(started.stats.path)], check=True, timeout=20
        )
        before = (stored(servers[0]), stored(servers[1]))
        connect_from_many(watched, 200)
        total = wait_for(lambda: all_stored(capture, servers, 400), 20.0, "every packet is stored") - sum(before)
        assert total >= 200 * PACKETS_PER_CONNECTION
        assert abs(stored(servers[0]) - before[0] - total * 0.5) <= 1


def all_stored(capture: Capture, servers: tuple[int, int], connections: int) -> int:
    """Return the number of keys, once every packet of so many connections is one; 0 until then."""
    total = stored(servers[0]) + stored(servers[1])
    return total if total == capture.counters()["packets"] >= connections * PACKETS_PER_CONNECTION else 0


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
