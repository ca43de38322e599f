"""A Redis replica takes its primary's place: it is promoted, and the proxy is told the new address."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.killable import killable_redis
from tests.support.programs import WPROXY
from tests.support.proxies import proxy
from tests.support.resp import Client, ask, pack
from tests.support.waiting import wait_for

CHECK = "check inter 100ms fastinter 50ms rise 1 fall 1"


def test_a_promoted_replica_serves_the_keys_of_its_primary(tmp_path: Path, redis_pair: tuple[int, int]) -> None:
    other, replica = redis_pair
    with killable_redis(tmp_path) as primary:
        lines = (f"server a 127.0.0.1:{primary.port} {CHECK}", f"server b 127.0.0.1:{other} {CHECK}")
        ask(replica, "REPLICAOF", "127.0.0.1", primary.port)
        with proxy("wproxy", tmp_path, "balance key", *lines, mode="redis") as made, Client(made.port) as client:
            # One late answer to a check takes a server out for a moment: then a command is refused, and sent again.
            assert set(client.insist(pack("SET", f"k{n}", n) for n in range(200))) == {b"OK"}
            ask(replica, "CONFIG", "SET", "repl-timeout", "60")
            wait_for(lambda: ask(replica, "DBSIZE") == ask(primary.port, "DBSIZE") > 0, 20.0, "the replica has it all")
            primary.kill()
            made.stats.wait_for_status("a", "DOWN")
            ask(replica, "REPLICAOF", "NO", "ONE")
            told = [*WPROXY, "server", "addr", "a", f"127.0.0.1:{replica}", "--socket", str(tmp_path / "wproxy.sock")]
            subprocess.run(told, check=True, capture_output=True, timeout=20)
            made.stats.wait_for_status("a", "UP")
            gets = [pack("GET", f"k{n}") for n in range(200)]
            wait_for(lambda: client.pipeline(gets) == [b"%d" % n for n in range(200)], 10.0, "every value is there")
            assert set(client.insist(pack("SET", f"k{n}", n) for n in range(200))) == {b"OK"}
