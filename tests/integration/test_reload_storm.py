"""A reload every second under load, in every mode and way of reloading: not one failed request, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import free_port, free_ports, redis_server
from tests.support.proxies import check_log
from tests.support.storm import (
    Ask,
    Replaced,
    ask_http,
    ask_redis,
    checkers,
    every_second,
    nginx,
    redis_benchmark,
    replaced,
    wrk,
)
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

CONFIGURATION = """
global
    nbthread {workers}
    stats socket {folder}/wproxy.sock mode 600 level admin
    state-file {folder}/state.json
defaults
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen main
    mode {mode}
    bind 127.0.0.1:{port}
    balance {balance}
    server a 127.0.0.1:{servers[0]} weight 30
    server b 127.0.0.1:{servers[1]} weight 70
"""
MODES = {
    "tcp": ("tcp", "first"),
    "http": ("http", "roundrobin"),
    "key": ("redis", "key"),
    "rr": ("redis", "roundrobin"),
}
WAYS = {"sf": False, "master": True}


@pytest.fixture
def servers(kind: str, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Run what stands behind the proxy: in mode http one nginx twice, else Redis."""
    with ExitStack() as stack:
        if kind == "http":
            port = stack.enter_context(nginx(tmp_path, free_port()))
            yield port, port
        else:
            first, second = free_ports(2)
            for number in (first, second):
                stack.enter_context(redis_server(tmp_path, number))
            yield first, second


@pytest.mark.parametrize(
    ("kind", "way", "workers"),
    [
        ("tcp", "sf", 1), ("tcp", "master", 2), ("http", "sf", 2), ("http", "master", 1),
        ("key", "sf", 1), ("key", "master", 2), ("rr", "sf", 2), ("rr", "master", 1),
    ],
)  # fmt: skip
def test_a_reload_every_second(kind: str, way: str, workers: int, servers: tuple[int, int], tmp_path: Path) -> None:
    storm(kind, way, workers, servers, tmp_path, seconds=5)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", MODES)
def test_a_reload_every_second_for_a_minute(
    kind: str, way: str, workers: int, servers: tuple[int, int], tmp_path: Path
) -> None:
    storm(kind, way, workers, servers, tmp_path, seconds=60)


def storm(kind: str, way: str, workers: int, servers: tuple[int, int], folder: Path, seconds: int) -> None:
    """Reload every second under load, once with a file that cannot be read; look at what is there afterwards."""
    mode, balance = MODES[kind]
    port = free_port()
    config = CONFIGURATION.format(
        workers=workers, folder=folder, mode=mode, port=port, balance=balance, servers=servers
    )
    ask: Ask = ask_http if mode == "http" else ask_redis
    with replaced(folder, config, under_master=WAYS[way]) as made:
        at_rest = len(made.pids())
        with ExitStack() as load:
            counted = load.enter_context(checkers(port, ask))
            wait_for(lambda: all(each.answered for each in counted), what="clients")
            before = made.resident_bytes()
            if mode == "http":
                load.enter_context(wrk(port, folder, seconds))
            else:
                load.enter_context(redis_benchmark(port, folder, "-c", "50", name="kept"))
                load.enter_context(redis_benchmark(port, folder, "-c", "5", "-k", "0", name="fresh"))

            def act(number: int) -> None:
                made.fail_to_replace() if number == 1 else made.replace()

            times = every_second(seconds, act, at_least=4)
        # With its sessions a process ends, too: kept ones last for some seconds, those of redis-benchmark to the end.
        gone(made, at_rest)
        after = made.resident_bytes()
        print(f"{kind} {way} x{workers}: {times} reloads, {sum(each.answered for each in counted)} answers on "
              f"{sum(each.connections for each in counted)} connections, at most {made.most} processes, "
              f"{before >> 20} -> {after >> 20} MB")  # fmt: skip
        assert made.most <= at_rest * 10
        assert after < before * 1.5 + (8 << 20)
    check_log(made.log)


def gone(made: Replaced, at_rest: int) -> None:
    wait_for(lambda: len(made.pids()) == at_rest, 15.0, "old processes are gone")
