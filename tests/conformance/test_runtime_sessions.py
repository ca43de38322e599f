"""Sessions, counters and listeners that the Runtime API shows and ends, on HAProxy and on wproxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.proxies import Proxy
from tests.support.runtime_pair import Pair, runtime_pair
from tests.support.tcp_server import connect, reset
from tests.support.waiting import wait_for

LISTED = re.compile(r"(0x[0-9a-f]+): proto=(\S+) src=(\S+) fe=(\S+) be=(\S+) srv=(\S+) ")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with runtime_pair(tmp_path_factory.mktemp("pair")) as made:
        yield made


def listed(made: Proxy) -> dict[str, tuple[str, ...]]:
    """Return the sessions that are no stats socket's, by number."""
    found = [LISTED.match(line) for line in made.stats.ask("show sess").splitlines()]
    return {match[1]: match.groups()[1:] for match in found if match is not None and match[4] != "GLOBAL"}


def test_sessions_are_listed_shown_and_ended(pair: Pair) -> None:
    for made in (pair.haproxy, pair.wproxy):
        made.stats.ask("disable server main/a")
        with connect(made.port) as client, connect(made.port) as other:
            wait_for(lambda made=made: made.stats.numbers("b", "scur") == (2,), what="b has two sessions")  # type: ignore[misc]
            sessions = listed(made)
            sources = {number: facts[1] for number, facts in sessions.items()}
            mine = f"127.0.0.1:{client.getsockname()[1]}"
            assert set(sources.values()) == {mine, f"127.0.0.1:{other.getsockname()[1]}"}
            assert {facts[0:1] + facts[2:] for facts in sessions.values()} == {("tcpv4", "main", "main", "b")}
            number = next(number for number, source in sources.items() if source == mine)
            whole = made.stats.ask(f"show sess {number}")
            for fact in (
                rf"{number}: \[\d+/\w+/\d+:[\d:.]+\] id=\d+ proto=tcpv4 source={mine}\n",
                rf"\n  frontend=main \(id=2 mode=tcp\), listener=\? \(id=1\) addr=127\.0\.0\.1:{made.port}\n",
                r"\n  backend=main \(id=2 mode=tcp\) addr=127\.0\.0\.1:\d+\n",
                rf"\n  server=b \(id=2\) addr=127\.0\.0\.1:{pair.up}\n",
                r"\n  task=0x.*exp=(?:\d+m?s|<PAST>|<NEVER>).*age=\d+s\)\n",
            ):
                assert re.search(fact, whole), (made.program, fact, whole)
            assert made.stats.ask(f"shutdown session {number}") == "\n"
            assert client.recv(1) == b""
            others = [each for each in sessions if each != number]
            wait_for(lambda made=made, others=others: list(listed(made)) == others, what="it is not listed")  # type: ignore[misc]
            assert made.stats.ask("shutdown sessions server main/b") == "\n"
            assert other.recv(1) == b""
        made.stats.wait_until_idle()
        wait_for(lambda made=made: listed(made) == {}, what="nobody is listed")  # type: ignore[misc]
        made.stats.ask("enable server main/a")


def test_a_server_with_sessions_cannot_be_deleted(pair: Pair) -> None:
    for made in (pair.haproxy, pair.wproxy):
        assert made.stats.ask(f"add server main/z 127.0.0.1:{pair.up} weight 256") == "New server registered.\n\n"
        for name in "ab":
            made.stats.ask(f"disable server main/{name}")
        made.stats.ask("enable server main/z")
        with connect(made.port) as client:
            wait_for(lambda made=made: made.stats.numbers("z", "scur") == (1,), what="z has a session")  # type: ignore[misc]
            made.stats.ask("disable server main/z")
            assert made.stats.ask("del server main/z") == (
                "Server still has connections attached to it, cannot remove it.\n"
            )
            reset(client)
        made.stats.wait_until_idle("z")
        assert made.stats.ask("del server main/z") == "Server deleted.\n"
        assert "z" not in made.stats.rows()
        for name in "ab":
            made.stats.ask(f"enable server main/{name}")


def test_counters_are_cleared(pair: Pair) -> None:
    columns = ("smax", "stot", "lbtot")
    seen = []
    for made in (pair.haproxy, pair.wproxy):
        made.stats.ask("clear counters all")
        with connect(made.port) as client:
            wait_for(lambda made=made: made.stats.numbers("BACKEND", "scur") == (1,), what="counted")  # type: ignore[misc]
            reset(client)
        made.stats.wait_until_idle()
        before = made.stats.numbers("BACKEND", *columns)
        made.stats.ask("clear counters")
        after = made.stats.numbers("BACKEND", *columns)
        made.stats.ask("clear counters all")
        seen.append((before, after, made.stats.numbers("BACKEND", *columns)))
    assert seen[1] == seen[0] == ((1, 1, 1), (0, 1, 1), (0, 0, 0))


def test_a_frontend_that_is_shut_down(tmp_path: Path) -> None:
    """With programs of its own, because it cannot be undone."""
    with runtime_pair(tmp_path) as pair:
        pair.agree("shutdown frontend in", "shutdown frontend in", "enable frontend in", "disable frontend in")
        pair.agree(
            "shutdown frontend main", "set server main/a state ready", "set weight main/a 3", "get weight main/a"
        )
        for made in (pair.haproxy, pair.wproxy):
            assert made.stats.row("FRONTEND")["status"] == "STOP"
            with pytest.raises(ConnectionRefusedError):
                connect(made.port)
