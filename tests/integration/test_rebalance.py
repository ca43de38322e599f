"""`wproxy weight set … --rebalance`: persistent connections follow the weights."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.crowd import Crowd, crowd
from tests.support.holding import holding_server
from tests.support.programs import WPROXY
from tests.support.proxies import Proxy, proxy
from tests.support.waiting import wait_for

pytestmark = pytest.mark.once

LOCALHOST = ["127.0.0.1"] * 100
ADDRESSES = [f"127.0.1.{number}" for number in range(1, 101)]


@dataclass(frozen=True)
class Scene:
    """A proxy before the servers a and b, weight 70 each, and its clients."""

    proxy: Proxy
    crowd: Crowd

    def command(self, *arguments: str, code: int = 0) -> str:
        """Run `wproxy` with the arguments, return what it prints."""
        environment = {**os.environ, "WPROXY_SOCKET": str(self.proxy.stats.path)}
        finished = subprocess.run(
            [*WPROXY, *arguments], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == code, finished
        return finished.stdout + finished.stderr

    def on_servers(self) -> tuple[int, ...]:
        """Return how many sessions each server has, as the clients and the proxy agree."""

        def agreed() -> tuple[int, ...]:
            counts = self.crowd.servers()
            numbers = tuple(counts.get(name, 0) for name in "ab")
            shown = tuple(self.proxy.stats.numbers(name, "scur")[0] for name in "ab")
            return numbers if shown == numbers else ()

        return wait_for(agreed, what="clients and proxy agree")


@contextmanager
def scene(folder: Path, *lines: str, sources: list[str] = LOCALHOST, program: str = "wproxy") -> Iterator[Scene]:
    with holding_server("a") as a, holding_server("b") as b:
        servers = (f"server a 127.0.0.1:{a} weight 70", f"server b 127.0.0.1:{b} weight 70")
        log = "log stdout format raw local0"
        with (
            proxy(program, folder, log, "option tcplog", *lines, *servers) as made,
            crowd(made.port, sources) as people,
        ):
            people.servers()
            yield Scene(made, people)


def test_connections_follow_the_weights_and_busy_ones_stay(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        assert made.on_servers() == (50, 50)
        busy = made.crowd.on("a")[:25]
        for member in busy:
            member.busy = True
        said = made.command("weight", "set", "a", "30", "--rebalance").splitlines()
        assert said == ["a 70 → 30, share 50.0 % → 30.0 %", "closed 20 of 100 sessions: now a 30, b 70"]
        assert made.on_servers() == (30, 70)
        assert (made.crowd.lost, sum(member.lost for member in busy)) == (20, 0)
        wait_for(lambda: len(re.findall(r" K- ", made.proxy.log)) == 20, what="a line for each in the log")
        # What is right stays so, and newcomers go by the weights again.
        assert "no session to close: now a 30, b 70" in made.command("weight", "set", "a", "30", "--rebalance")
        with crowd(made.proxy.port, LOCALHOST) as more:
            assert more.servers() == {"a": 30, "b": 70}


def test_whose_server_has_not_answered_stays_however_long_it_is_silent(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        on_a = made.crowd.on("a")
        waiting, answered = on_a[:30], on_a[30:]
        made.crowd.say(waiting, b"?")
        made.crowd.say(answered, b"!")
        made.command("weight", "set", "a", "30", "--rebalance")
        assert made.on_servers() == (30, 70)
        assert [member.lost for member in on_a] == [0] * 30 + [1] * 20


def test_when_all_are_busy_they_are_waited_for_and_then_no_more_closed_than_are_too_many(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        for member in made.crowd.members:
            member.busy = True
        document = json.loads(made.command("weight", "set", "a", "30", "--rebalance", "--json"))
        assert made.on_servers() == (30, 70)
        assert made.crowd.lost == 20
    assert document["weight"] == {"before": 70, "after": 30}
    assert document["rebalance"] == {
        "sessions_before": 100,
        "closed": 20,
        "left": 0,
        "bound": 0,
        "note": None,
        "servers": [
            {"server": "a", "sessions": 30, "quota": 30, "closed": 20},
            {"server": "b", "sessions": 70, "quota": 70, "closed": 0},
        ],
    }


def test_a_drained_server_is_emptied_at_the_rate_that_was_asked_for(tmp_path: Path) -> None:
    with scene(tmp_path) as made:
        said = made.command("server", "drain", "a", "--rebalance", "--rate", "1000", "--wait", "--timeout", "20")
        assert said.splitlines() == ["a no check → DRAIN", "closed 50 of 100 sessions: now a 0, b 100"]
        assert made.on_servers() == (0, 100)
        made.command("server", "enable", "a")
        assert made.proxy.stats.ask("rebalance sessions main 1000").startswith("# be_name,srv_name,state,")
        wait_for(lambda: made.on_servers() == (50, 50), what="half of them are back")
        assert made.crowd.lost == 100


@pytest.mark.parametrize("balance", ["leastconn", "static-rr", "random"])
def test_whatever_the_algorithm_a_server_without_weight_is_emptied(tmp_path: Path, balance: str) -> None:
    with scene(tmp_path, f"balance {balance}") as made:
        on_a, _ = made.on_servers()
        assert f"closed {on_a} of 100 sessions: now a 0, b 100" in made.command(
            "weight", "set", "a", "0%", "--rebalance", "--rate", "1000"
        )
        assert made.crowd.lost == on_a


def test_under_a_hash_each_client_goes_where_its_address_belongs(tmp_path: Path) -> None:
    with scene(tmp_path, "balance source", "hash-type consistent", sources=ADDRESSES) as made:
        before = [member.server for member in made.crowd.members]
        on_a, on_b = made.on_servers()
        assert "no session to close" in made.command("weight", "set", "a", "70", "--rebalance")
        assert f"closed {on_a} of" in made.command("server", "drain", "a", "--rebalance", "--rate", "1000")
        assert made.on_servers() == (0, 100)
        made.command("server", "enable", "a")
        made.command("weight", "set", "a", "70", "--rebalance", "--rate", "1000")
        assert made.on_servers() == (on_a, on_b)
        assert [member.server for member in made.crowd.members] == before
        assert made.crowd.lost == 2 * on_a


def test_clients_of_a_stick_table_stay_where_it_keeps_them(tmp_path: Path) -> None:
    table = ("stick-table type ip size 1k", "stick on src")
    with scene(tmp_path, *table, sources=ADDRESSES) as made:
        said = made.command("weight", "set", "a", "30", "--rebalance")
        assert "no session to close, 20 kept by a stick table: now a 50, b 50" in said
        assert made.crowd.lost == 0
        made.proxy.stats.ask("clear table main")
        assert "closed 20 of 100 sessions: now a 30, b 70" in made.command("weight", "set", "a", "30", "--rebalance")


def test_no_more_are_sent_away_than_other_servers_have_room_for(tmp_path: Path) -> None:
    with holding_server("a") as a, holding_server("b") as b:
        servers = (f"server a 127.0.0.1:{a} weight 70", f"server b 127.0.0.1:{b} weight 70 maxconn 60")
        with proxy("wproxy", tmp_path, *servers) as made, crowd(made.port, LOCALHOST) as people:
            people.servers()
            shown = Scene(made, people)
            assert "closed 10 of 100 sessions: now a 40, b 60" in shown.command("server", "drain", "a", "--rebalance")
            assert people.lost == 10


def test_in_mode_redis_there_is_nothing_to_close(tmp_path: Path) -> None:
    lines = ("balance roundrobin", "server a 127.0.0.1:1 weight 70", "server b 127.0.0.1:2 weight 70")
    with proxy("wproxy", tmp_path, *lines, mode="redis") as made, crowd(made.port, []) as nobody:
        said = Scene(made, nobody).command("weight", "set", "a", "30", "--rebalance")
    assert "nothing to close: in mode redis clients share the connections to the servers" in said


def test_a_rate_of_nothing_is_a_slip_and_haproxy_cannot_do_it(tmp_path: Path) -> None:
    with scene(tmp_path, sources=[], program="haproxy") as made:
        assert "--rate is about --rebalance" in made.command("weight", "set", "a", "30", "--rate", "5", code=2)
        said = made.command("weight", "set", "a", "30", "--rebalance", code=1)
        assert "wproxy: done, but no session was closed: this proxy knows no 'rebalance sessions'" in said
