"""`wproxy seen` over the Redis servers behind a real proxy, written by a real consumer."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capture.messages import Batch, Observation, encode
from capture.spool import SpoolWriter
from tests.support.consuming import consumer, redis_client
from tests.support.programs import WPROXY, free_port, redis_server
from tests.support.proxies import proxy
from tests.support.waiting import wait_for

HERE, OTHER = "192.0.2.10", "2001:db8::10"


@dataclass
class Stored:
    """Two servers behind a proxy, and what a consumer has written to them."""

    servers: tuple[int, int]
    port: int
    socket: Path
    batch: Batch

    def seen(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*WPROXY, "seen", *arguments, "--socket", str(self.socket)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30)

    def asked(self, *arguments: str) -> Any:
        answer = self.seen(*arguments, "--json")
        assert (answer.returncode, answer.stderr) == (0, "")
        return json.loads(answer.stdout)


def observations() -> tuple[Observation, ...]:
    """From 40 sources to HERE, 5 packets each, 10 s to 209 s ago; one source also to OTHER."""
    now = time.time_ns()
    to_here = [
        Observation(f"10.0.0.{number % 40}", HERE, 1_000 + number, 9_000, now - (10 + number) * 1_000_000_000)
        for number in range(200)
    ]
    return (*to_here, Observation("10.0.0.7", OTHER, 7, 9_000, now - 5_000_000_000))


@contextmanager
def stored(folder: Path, balance: str, *options: str) -> Iterator[Stored]:
    with redis_server(folder) as first, redis_server(folder) as second:
        lines = [
            f"balance {balance}",
            f"server a 127.0.0.1:{first} weight 30",
            f"server b 127.0.0.1:{second} weight 70",
        ]
        batch = Batch("sensor-1", 100, observations())
        writer = SpoolWriter(folder / "spool")
        writer.append(encode(batch))
        writer.close()
        with proxy("wproxy", folder, *lines, mode="redis") as running:
            with consumer(folder, f"spool://{folder}/spool", running.port, *options) as consuming:
                wait_for(lambda: keys(first) + keys(second) == 201, 30.0, "201 keys")
                consuming.stop()
            yield Stored((first, second), running.port, folder / "wproxy.sock", batch)


def keys(port: int) -> int:
    with redis_client(port) as client:
        return sum(1 for _ in client.scan_iter("obs|*"))


@pytest.mark.parametrize("balance", ["key", "roundrobin"])
def test_who_talked_to_an_address_over_all_servers(balance: str, tmp_path: Path) -> None:
    with stored(tmp_path, balance) as made:
        assert all(keys(port) for port in made.servers)
        peers = made.asked(HERE)
        assert [peer["address"] for peer in peers] == [f"10.0.0.{number}" for number in range(40)]
        times = [seen.time_ns for seen in made.batch.observations[:200] if seen.source == "10.0.0.3"]
        assert peers[3] == {"address": "10.0.0.3", "packets": 5, "first_ns": min(times), "last_ns": max(times)}
        assert made.asked(HERE, "--count") == {"packets": 200, "peers": 40}
        assert 20 <= made.asked(HERE, "--count", "--since", "1m")["packets"] <= 51  # 51, less one for each second since
        assert made.asked("10.0.0.7", "--from") == sorted(
            made.asked("10.0.0.7", "--from"), key=lambda peer: -peer["last_ns"]
        )
        assert [peer["address"] for peer in made.asked("10.0.0.7", "--from")] == [OTHER, HERE]
        assert made.asked("2001:DB8:0::10", "--count") == {"packets": 1, "peers": 1}
        assert made.asked("192.0.2.1") == []
        packets = made.asked(HERE, "--packets")
        expected = sorted(made.batch.observations[:200], key=lambda seen: seen.time_ns)
        assert [(p["source"], p["source_port"], p["destination_port"], p["time_ns"]) for p in packets] == [
            (seen.source, seen.source_port, seen.destination_port, seen.time_ns) for seen in expected
        ]
        assert {packet["sensor"] for packet in packets} == {"sensor-1"}
        assert sorted(packet["sequence"] for packet in packets) == list(range(100, 300))


def test_the_tables(tmp_path: Path) -> None:
    with stored(tmp_path, "key") as made:
        lines = made.seen(HERE).stdout.splitlines()
        assert lines[0].split() == ["peer", "packets", "first", "last"]
        assert lines[1].split()[:2] == ["10.0.0.0", "5"]
        assert len(lines) == 41
        (_, line) = made.seen(OTHER, "--packets").stdout.splitlines()
        assert "10.0.0.7:7  [2001:db8::10]:9000  sensor-1" in line
        assert made.seen(OTHER, "--count").stdout.split() == ["packets", "peers", "1", "1"]


def test_the_index_tells_the_peers_without_a_scan(tmp_path: Path) -> None:
    with stored(tmp_path, "key", "--index") as made:
        scanned, indexed = made.asked(HERE), made.asked(HERE, "--index")
        assert [peer["address"] for peer in indexed] == [peer["address"] for peer in scanned]
        for slow, quick in zip(scanned, indexed, strict=True):
            assert quick["packets"] is None
            assert 0 <= slow["last_ns"] - quick["last_ns"] < 1_000_000
        assert len(made.asked(HERE, "--index", "--since", "20s")) < 40
        newest_ms = max(seen.time_ns for seen in made.batch.observations[:200]) // 1_000_000
        held = [port for port in made.servers if in_index(port)]
        with redis_client(held[0]) as client:
            assert client.pexpiretime(f"peers|{HERE}") == newest_ms + 300_000


def in_index(port: int) -> bool:
    with redis_client(port) as client:
        return bool(client.exists(f"peers|{HERE}"))


def test_an_index_is_refused_where_the_proxy_cannot_keep_one(tmp_path: Path) -> None:
    with (
        redis_server(tmp_path) as server,
        proxy("wproxy", tmp_path, "balance roundrobin", f"server a 127.0.0.1:{server}", mode="redis") as running,
    ):
        command = [*WPROXY, "consume", "--queue", f"spool://{tmp_path}/spool", "--redis", f"127.0.0.1:{running.port}"]
        answer = subprocess.run([*command, "--index"], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith(f"wproxy consume: --index: redis 127.0.0.1:{running.port}: ERR ")
    assert "'balance key'" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_server_that_does_not_answer_is_an_error_and_no_half_answer(tmp_path: Path) -> None:
    gone = free_port()
    with redis_server(tmp_path) as server:
        answer = subprocess.run(
            [*WPROXY, "seen", HERE, "--redis", f"127.0.0.1:{server}", "--redis", f"127.0.0.1:{gone}"],
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        assert (answer.returncode, answer.stdout) == (3, "")
        assert f"redis 127.0.0.1:{gone}: " in answer.stderr
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "'nobody' is no IP address"),
        ([HERE, "--since", "2"], "--since '2' is no duration"),
        ([HERE, "--index", "--count", "--redis", "127.0.0.1:1"], "--index knows the last packet of each peer only"),
        ([HERE, "--redis", "/path"], "'/path' is no Redis server"),
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], words: str) -> None:
    answer = subprocess.run([*WPROXY, "seen", *arguments], capture_output=True, text=True, timeout=20)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_wrong_password_is_one_line(tmp_path: Path) -> None:
    with redis_server(tmp_path, None, "--requirepass", "right") as port:
        answer = subprocess.run([*WPROXY, "seen", HERE, "--redis", f"127.0.0.1:{port}"], capture_output=True, text=True)
        assert answer.returncode == 1
        assert answer.stderr == f"wproxy: redis 127.0.0.1:{port}: Authentication required.\n"
