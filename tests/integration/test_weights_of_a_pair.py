"""The weights of two proxies: set on both by one command, and taken over by the one that was away."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import WPROXY
from tests.support.proxies import Proxy, proxy

SERVERS = ("server one 127.0.0.1:1 weight 10", "server two 127.0.0.1:2 weight 20")


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Proxy, Proxy]]:
    with ExitStack() as stack:
        made = []
        for name in "ab":
            (tmp_path / name).mkdir()
            made.append(stack.enter_context(proxy("wproxy", tmp_path / name, *SERVERS)))
        yield made[0], made[1]


def weight(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*WPROXY, "weight", *arguments], capture_output=True, text=True, timeout=30)


def address(proxy: Proxy) -> str:
    return str(proxy.folder / "wproxy.sock")


def weights(proxy: Proxy) -> tuple[int, ...]:
    return tuple(int(proxy.stats.row(name)["weight"]) for name in ("one", "two"))


def sockets(*addresses: str) -> tuple[str, ...]:
    return tuple(word for each in addresses for word in ("--socket", each))


def test_a_weight_is_set_on_every_proxy_that_is_named(both: tuple[Proxy, Proxy]) -> None:
    first, second = map(address, both)
    done = weight("set", "one", "40", *sockets(first, second))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{name}: one 10 → 40, share 33.3 % → 66.7 %" for name in (first, second)]
    assert [weights(each) for each in both] == [(40, 20), (40, 20)]
    told = json.loads(weight("set", "main/two", "50%", *sockets(first, second), "--json").stdout)
    assert [(each["socket"], each["weight"]) for each in told] == [
        (name, {"before": 20, "after": 10}) for name in (first, second)
    ]


def test_one_socket_is_as_it_was(both: tuple[Proxy, Proxy]) -> None:
    done = weight("set", "one", "40", *sockets(address(both[0])))
    assert done.stdout == "one 10 → 40, share 33.3 % → 66.7 %\n"
    assert [weights(each) for each in both] == [(40, 20), (10, 20)]


def test_a_proxy_that_is_away_is_named_and_catches_up(both: tuple[Proxy, Proxy], tmp_path: Path) -> None:
    first, second = map(address, both)
    gone = str(tmp_path / "gone.sock")
    done = weight("set", "one", "40", *sockets(gone, first))
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"{gone}: not set: nothing at {gone}")
    assert done.stdout.splitlines()[1].startswith(f"{first}: one 10 → 40")
    assert "set on 1 of 2, not on " + gone in done.stderr
    assert [weights(each) for each in both] == [(40, 20), (10, 20)]

    done = weight("sync", "--from", first, "--to", second)
    assert (done.returncode, done.stdout) == (0, "main/one 10 → 40\n")
    assert weights(both[1]) == (40, 20)
    done = weight("sync", "--from", first, "--to", second)
    assert (done.returncode, done.stdout) == (0, f"{second} has the weights of {first} already\n")
    assert json.loads(weight("sync", "--from", first, "--to", second, "--json").stdout) == {
        "changed": [],
        "states": [],
        "missing": [],
        "extra": [],
    }


def test_nobody_who_answers_is_exit_code_3(tmp_path: Path) -> None:
    gone = [str(tmp_path / name) for name in ("a.sock", "b.sock")]
    done = weight("set", "one", "40", *sockets(*gone))
    assert (done.returncode, done.stdout) == (3, "")
    assert all(f"nothing at {name}" in done.stderr for name in gone)
    done = weight("sync", "--from", gone[0], "--to", gone[1], "--timeout", "0.3")
    assert done.returncode == 3
    assert f"nothing at {gone[0]}" in done.stderr
    assert "after 0.3 s" in done.stderr


def test_a_server_that_one_does_not_have_changes_nothing_on_the_other(both: tuple[Proxy, Proxy]) -> None:
    first, second = map(address, both)
    both[1].stats.ask("add server main/three 127.0.0.1:3 weight 5")
    both[1].stats.ask("enable server main/three")
    done = weight("set", "three", "40", *sockets(second, first))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{first}: no such server: three" in done.stderr
    assert both[1].stats.row("three")["weight"] == "5"

    both[1].stats.ask("set weight main/two 99")
    done = weight("sync", "--from", second, "--to", first)
    assert (done.returncode, done.stdout) == (1, "main/two 20 → 99\n")
    assert "does not have all servers" in done.stderr
    done = weight("sync", "--from", first, "--to", second)
    assert (done.returncode, "main/three" in done.stdout) == (0, True)


def test_several_weights_and_states_are_taken_over(both: tuple[Proxy, Proxy]) -> None:
    first, second = map(address, both)
    done = weight("set", "one", "7", "two", "50%", "--socket", first)
    assert (done.returncode, done.stdout.splitlines()) == (
        0, ["one 10 → 7, share 33.3 % → 41.2 %", "two 20 → 10, share 66.7 % → 58.8 %"],
    )  # fmt: skip
    both[0].stats.ask("set server main/one state drain")
    both[1].stats.ask("set server main/two state maint")
    done = weight("sync", "--from", first, "--to", second)
    assert (done.returncode, done.stdout.splitlines()) == (
        0, ["main/one 10 → 7", "main/two 20 → 10", "main/one ready → drain", "main/two maint → ready"],
    )  # fmt: skip
    assert weights(both[1]) == (7, 10)
    assert [both[1].stats.row(name)["status"] for name in ("one", "two")] == ["DRAIN", "no check"]
    told = json.loads(weight("set", "one", "1", "two", "2", "--socket", second, "--json").stdout)
    assert [each["weight"]["after"] for each in told["changes"]] == [1, 2]


@pytest.mark.parametrize("words", [("one", "7", "two"), ("one", "7", "one", "8"), ("one", "7", "two", "257"), ()])
def test_pairs_that_make_no_sense_are_usage_and_ask_nobody(words: tuple[str, ...], tmp_path: Path) -> None:
    assert weight("set", *words, "--socket", str(tmp_path / "none.sock")).returncode == 2


def test_a_weight_that_is_refused_leaves_the_others(both: tuple[Proxy, Proxy]) -> None:
    done = weight("set", "one", "7", "three", "8", *sockets(address(both[0])))
    assert done.returncode == 1
    assert weights(both[0]) == (10, 20)


def test_haproxy_is_told_one_after_the_other(tmp_path: Path) -> None:
    with proxy("haproxy", tmp_path, *SERVERS) as made:
        done = weight("set", "one", "7", "two", "8", "--socket", str(tmp_path / "haproxy.sock"))
        assert (done.returncode, done.stderr) == (0, "")
        assert [line.partition(",")[0] for line in done.stdout.splitlines()] == ["one 10 → 7", "two 20 → 8"]
        assert weights(made) == (7, 8)
