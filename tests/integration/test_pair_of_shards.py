"""Two proxies with `balance key` in front of the same servers, one of which serves: weights change on both."""

from __future__ import annotations

import random
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.support.killable import killable_redis
from tests.support.programs import WPROXY, free_port, wproxy
from tests.support.proxies import configuration
from tests.support.resp import Client, ask, pack
from tests.support.stats import Stats

KEYS = 6_000
BATCH = 50


@dataclass(frozen=True)
class Node:
    folder: Path
    port: int
    process: subprocess.Popen[bytes]


def node(folder: Path, stack: ExitStack, *lines: str) -> Node:
    """Start a proxy that may be killed."""
    folder.mkdir()
    port = free_port()
    text = configuration("wproxy", folder, port, "balance key", *lines, mode="redis")
    return Node(folder, port, stack.enter_context(wproxy(folder, text, port)))


def write(port: int, values: dict[int, int | None], stop: Event) -> int:
    """Set and delete keys at random through one proxy, note in `values` what was acknowledged; return how many.

    It goes on until it is told to stop, and at least as long as it takes to have used every key once on average.
    """
    draws, count = random.Random(1), 0
    with Client(port) as client:
        while not stop.is_set() or count <= KEYS:
            keys = [draws.randrange(KEYS) for _ in range(BATCH)]
            wanted = [None if draws.random() < 0.1 else count + number for number in range(BATCH)]
            client.insist(
                pack("DEL", f"k{key}") if value is None else pack("SET", f"k{key}", value)
                for key, value in zip(keys, wanted, strict=True)
            )
            values.update(zip(keys, wanted, strict=True))
            count += BATCH
    return count


def read(port: int) -> dict[int, int | None]:
    with Client(port) as client:
        answers = [reply for start in range(0, KEYS, 500) for reply in client.pipeline(_gets(start))]
    return {key: None if answer is None else int(answer) for key, answer in enumerate(answers)}


def _gets(start: int) -> list[bytes]:
    return [pack("GET", f"k{key}") for key in range(start, start + 500)]


def set_weight(proxies: list[Node], server: str, weight: int) -> None:
    sockets = [word for each in proxies for word in ("--socket", str(each.folder / "wproxy.sock"))]
    subprocess.run([*WPROXY, "weight", "set", server, str(weight), *sockets], check=True, capture_output=True)


def test_weights_that_are_set_on_both_cost_no_key_and_the_other_finds_all(
    tmp_path: Path, redis_pair: tuple[int, int]
) -> None:
    values: dict[int, int | None] = dict.fromkeys(range(KEYS))
    stop = Event()
    lines = [f"server s{number} 127.0.0.1:{port} weight 50" for number, port in enumerate(redis_pair)]
    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        both = [node(tmp_path / name, stack, *lines) for name in "ab"]
        serving, waiting = both
        stack.callback(stop.set)
        written = pool.submit(write, serving.port, values, stop)
        for weight in (10, 90, 30):
            set_weight(both, "s0", weight)
        stop.set()
        assert written.result(30.0) > KEYS
        assert read(serving.port) == values
        serving.process.kill()
        serving.process.wait()
        assert read(waiting.port) == values
        assert sum(ask(port, "DBSIZE") for port in redis_pair) == sum(value is not None for value in values.values())


def test_weights_are_taken_over_as_one_change_and_several_changes_are_refused(
    tmp_path: Path, redis_pair: tuple[int, int]
) -> None:
    lines = [f"server s{number} 127.0.0.1:{port} weight 50" for number, port in enumerate(redis_pair)]
    with ExitStack() as stack:
        serving, waiting = both = [node(tmp_path / name, stack, *lines) for name in "ab"]
        sync = [*WPROXY, "weight", "sync", "--timeout", "20"]
        for flag, each in zip(("--from", "--to"), both, strict=True):
            sync += [flag, str(each.folder / "wproxy.sock")]
        values = dict.fromkeys(range(KEYS), 7)
        with Client(serving.port) as client:
            client.insist(pack("SET", f"k{key}", 7) for key in values)
        set_weight([serving], "s0", 100)
        taken = subprocess.run(sync, capture_output=True, text=True, timeout=40)
        assert (taken.returncode, taken.stdout) == (0, "main/s0 50 → 100\n")
        assert read(waiting.port) == values
        for server in ("s0", "s1"):
            set_weight([serving], server, 20)
        taken = subprocess.run(sync, capture_output=True, text=True, timeout=40)
        assert (taken.returncode, taken.stdout) == (0, "main/s0 100 → 20\nmain/s1 50 → 20\n")
        assert read(waiting.port) == values
        set_weight([serving], "s0", 30)
        Stats(serving.folder / "wproxy.sock").ask("set server main/s1 state drain")
        refused = subprocess.run(sync, capture_output=True, text=True, timeout=40)
        assert refused.returncode == 1
        assert "more than one state of main differs, or weights and a state" in refused.stderr
        assert read(serving.port) == values


def test_the_next_proxy_is_not_touched_while_keys_are_on_their_way(tmp_path: Path) -> None:
    with ExitStack() as stack:
        servers = [stack.enter_context(killable_redis(tmp_path)) for _ in range(2)]
        lines = [f"server s{number} 127.0.0.1:{each.port} weight 50" for number, each in enumerate(servers)]
        serving, waiting = [node(tmp_path / name, stack, *lines) for name in "ab"]
        with Client(serving.port) as client:
            client.insist(pack("SET", f"k{key}", 7) for key in range(1000))
        servers[1].freeze()  # whose keys they are until now: none of them can leave
        command = [*WPROXY, "weight", "set", "s0", "100", "--timeout", "0"]
        command += ["--socket", str(serving.folder / "wproxy.sock"), "--socket", str(waiting.folder / "wproxy.sock")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=40)
        assert done.returncode == 1
        first, second = done.stdout.splitlines()
        assert "s0 50 → 100" in first
        assert "not set: " in second
        assert "keys of main are still on their way after 0 s" in second
        assert Stats(waiting.folder / "wproxy.sock").row("s0")["weight"] == "50"
