"""Redis Sentinel promotes a replica, and its script tells the proxy: writes go on, and nothing replicated is lost."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.killable import KillableRedis, killable_redis
from tests.support.programs import redis_server
from tests.support.proxies import Proxy, proxy
from tests.support.resp import Client, ask, pack
from tests.support.sentinels import TELL_PROXIES, Sentinels, environment, sentinels
from tests.support.waiting import wait_for

CHECK = "check inter 200ms fastinter 100ms rise 1 fall 2"
COUNT = 400
VALUES = [b"%d" % n for n in range(COUNT)]


@dataclass(frozen=True)
class Watched:
    """A proxy in front of redisA, which is `first` with its replica `second`, and redisB; Sentinel watches redisA."""

    made: Proxy
    lines: tuple[str, ...]
    first: KillableRedis
    second: KillableRedis
    watching: Sentinels


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    with redis_server(tmp_path) as other, killable_redis(tmp_path) as first, killable_redis(tmp_path) as second:
        ask(second.port, "REPLICAOF", "127.0.0.1", first.port)
        servers = (f"server redisA 127.0.0.1:{first.port} {CHECK}", f"server redisB 127.0.0.1:{other} {CHECK}")
        lines = ("balance key", *servers)
        with (
            proxy("wproxy", tmp_path, *lines, mode="redis") as made,
            sentinels(tmp_path, "redisA", first.port, tmp_path / "wproxy.sock") as watching,
        ):
            yield Watched(made, lines, first, second, watching)


@pytest.mark.soak
@pytest.mark.timeout(180)
def test_sentinel_promotes_a_replica_and_the_proxy_writes_there(watched: Watched, tmp_path: Path) -> None:
    fail_over(watched, watched.first, watched.second, "one")
    # A proxy that starts now has the address from its configuration, where nobody is.
    later = tmp_path / "later"
    later.mkdir()
    with proxy("wproxy", later, *watched.lines, mode="redis") as started:
        started.stats.wait_for_status("redisA", "DOWN")
        sentinel = f"127.0.0.1:{watched.watching.ports[1]}"
        env = environment(later / "wproxy.sock") | {"WPROXY_SENTINEL": sentinel}
        subprocess.run([TELL_PROXIES, "redisA"], env=env, check=True, capture_output=True, timeout=30)
        started.stats.wait_for_status("redisA", "UP")
        assert read_all(started, "one") == VALUES
        unknown = subprocess.run([TELL_PROXIES, "redisC"], env=env, capture_output=True, timeout=30)
        assert unknown.returncode == 2
        assert b"knows no 'redisC'" in unknown.stderr


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_old_primary_comes_back_as_a_replica_and_is_promoted_in_its_turn(watched: Watched) -> None:
    fail_over(watched, watched.first, watched.second, "one")
    come_back_as_replica(watched.first, watched.second)
    fail_over(watched, watched.second, watched.first, "two")
    assert read_all(watched.made, "one") == VALUES


def test_the_script_fails_when_a_proxy_was_not_told_and_tells_the_others(
    tmp_path: Path, redis_pair: tuple[int, int]
) -> None:
    old, new = redis_pair
    with proxy("wproxy", tmp_path, f"server redisA 127.0.0.1:{old}", mode="redis") as made:
        env = environment(tmp_path / "gone.sock", tmp_path / "wproxy.sock")
        command = [str(TELL_PROXIES), "redisA", "leader", "start", "127.0.0.1", str(old), "127.0.0.1", str(new)]
        done = subprocess.run(command, env=env, capture_output=True, timeout=30)
        assert done.returncode == 1  # Sentinel calls again
        assert b"gone.sock" in done.stderr
        assert made.stats.row("redisA")["addr"] == f"127.0.0.1:{new}"
        twice = subprocess.run(command, env=environment(tmp_path / "wproxy.sock"), capture_output=True, timeout=30)
        assert twice.returncode == 0  # each sentinel calls, and the later ones change nothing
        assert subprocess.run([TELL_PROXIES], env=env, capture_output=True, timeout=30).returncode == 2


def fail_over(watched: Watched, primary: KillableRedis, replica: KillableRedis, prefix: str) -> None:
    """Write values, kill the primary, wait until redisA takes writes again, and find every value there."""
    made, watching = watched.made, watched.watching
    with Client(made.port) as client:
        assert set(client.pipeline(pack("SET", f"{prefix}{n}", n) for n in range(COUNT))) == {b"OK"}
        wait_for(lambda: ask(replica.port, "DBSIZE") == ask(primary.port, "DBSIZE"), 20.0, "the replica has it all")
        own = next(f"{prefix}{n}" for n in range(COUNT) if ask(primary.port, "EXISTS", f"{prefix}{n}"))
        assert watching.primary() == primary.port
        primary.kill()
        killed = time.monotonic()
        wait_for(lambda: client.ask("SET", own, own.removeprefix(prefix)) == b"OK", 60.0, "redisA takes writes")
        print(f"redisA took nothing for {time.monotonic() - killed:.1f} s")
    assert made.stats.row("redisA")["addr"] == f"127.0.0.1:{replica.port}"
    assert read_all(made, prefix) == VALUES
    wait_for(lambda: watching.primary() == replica.port, 20.0, "the first sentinel knows it, too")


def come_back_as_replica(returning: KillableRedis, primary: KillableRedis) -> None:
    """Start a server that was killed; return when Sentinel has made a replica of it that has everything."""
    returning.start()
    wait_for(lambda: ask(returning.port, "ROLE")[0] == b"slave", 90.0, "it is a replica")
    wait_for(lambda: ask(returning.port, "DBSIZE") == ask(primary.port, "DBSIZE"), 20.0, "it has everything")


def read_all(made: Proxy, prefix: str) -> list[object]:
    """Return the values of all keys with a prefix, in order."""
    with Client(made.port) as client:
        return client.pipeline(pack("GET", f"{prefix}{n}") for n in range(COUNT))
