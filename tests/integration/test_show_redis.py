"""`show redis`: calls, errors and latencies of each command on each server, as the servers themselves count them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import WPROXY
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, ask, pack

NAMES = ("get", "set", "incr", "mget", "lpush")


@pytest.fixture
def busy(tmp_path: Path, redis_pair: tuple[int, int]) -> Iterator[tuple[Proxy, tuple[int, int]]]:
    """A proxy and its servers, after alone and pipelined commands, short and long ones, some refused."""
    lines = [f"server s{port} 127.0.0.1:{port}" for port in redis_pair]
    with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis") as made:
        for port in redis_pair:
            ask(port, "CONFIG", "RESETSTAT")
        with Client(made.port) as client:
            for number in range(20):
                assert client.pipeline([pack("SET", f"k{number}", number)]) == [b"OK"]
                assert client.pipeline([pack("Get", f"k{number}")]) == [b"%d" % number]
                assert client.pipeline([pack("SET", f"long{number}", "x" * 5000)]) == [b"OK"]
            assert len(client.pipeline(pack("GET", f"k{number}") for number in range(300))) == 300
            mixed = [pack(*(("GET", f"k{n}") if n % 3 else ("LPUSH", f"k{n}", n))) for n in range(300)]
            errors = sum(isinstance(reply, Exception) for reply in client.pipeline(mixed))
            assert errors >= 7  # of LPUSH to a string, and of what reads the lists afterwards
            client.pipeline([pack("INCR", "n"), pack("MGET", "{n}a", "n"), pack("NOSUCH", "k"), pack("PING")])
        yield made, redis_pair


def counted(port: int) -> dict[str, tuple[int, int]]:
    """Return calls and errors as the server counts them."""
    text = ask(port, "INFO", "commandstats").decode()
    found = {}
    for line in text.splitlines():
        if line.startswith("cmdstat_"):
            name, _, facts = line.removeprefix("cmdstat_").partition(":")
            fact = dict(each.split("=") for each in facts.split(","))
            found[name] = int(fact["calls"]), int(fact["failed_calls"]) + int(fact["rejected_calls"])
    return {name: found[name] for name in NAMES if name in found}


def test_it_counts_what_the_servers_count(busy: tuple[Proxy, tuple[int, int]]) -> None:
    made, ports = busy
    head, *lines = made.stats.ask("show redis").strip().splitlines()
    assert head == "# backend,server,command,calls,errors,p50_us,p99_us,p999_us"
    rows = [line.split(",") for line in lines]
    for port in ports:
        mine = {row[2]: row for row in rows if row[1] == f"s{port}"}
        assert {name: (int(mine[name][3]), int(mine[name][4])) for name in mine if name != "ALL"} == counted(port)
        assert int(mine["ALL"][3]) == sum(calls for calls, _ in counted(port).values())
        for row in mine.values():
            assert 0 < int(row[5]) <= int(row[6]) <= int(row[7]) < 10_000_000
    made.stats.ask("clear counters all")
    assert made.stats.ask("show redis main").strip().splitlines()[1:] == [f"main,s{port},ALL,0,0,,," for port in ports]


def test_the_command_line(busy: tuple[Proxy, tuple[int, int]]) -> None:
    made, ports = busy
    show = [*WPROXY, "show", "redis", "--socket", str(made.folder / "wproxy.sock")]
    rows = json.loads(subprocess.run([*show, "--json"], capture_output=True, check=True).stdout)
    get = next(row for row in rows if (row["server"], row["command"]) == (f"s{ports[0]}", "get"))
    assert get["calls"] == counted(ports[0])["get"][0]
    table = subprocess.run([*show, "main"], capture_output=True, check=True, text=True).stdout
    assert table.split()[:4] == ["backend", "server", "command", "calls"]
    refused = subprocess.run([*show, "nonsense"], capture_output=True, check=False, text=True)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "No such backend" in refused.stderr
