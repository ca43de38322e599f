"""mode redis, balance key: what arrives late of a move, or is not a server's to have, harms no newer copy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.test_redis_epochs import Sharded
from tests.support.killable import killable_redis
from tests.support.proxies import proxy
from tests.support.relay import Relay, relay
from tests.support.resp import Client, ask
from tests.support.waiting import wait_for

KEY = "key"
FAR = 4_102_444_800_123


@dataclass(frozen=True)
class Held:
    """A proxy in front of a, b and c, of which a has all slots; b is behind a relay."""

    around: Sharded
    way: Relay

    def give(self, name: str) -> None:
        """Make one server the owner of all slots."""
        self.around.weigh(**{name: 100})
        self.around.weigh(**dict.fromkeys({"a", "b", "c"} - {name}, 0))

    def copies(self) -> dict[str, bytes]:
        found = {name: ask(server.port, "GET", KEY) for name, server in self.around.servers.items()}
        return {name: value for name, value in found.items() if value is not None}


@contextmanager
def held(folder: Path, *lines: str) -> Iterator[Held]:
    with ExitStack() as stack:
        servers = {name: stack.enter_context(killable_redis(folder)) for name in "abc"}
        way = stack.enter_context(relay(servers["b"].port))
        ports = {name: way.port if name == "b" else each.port for name, each in servers.items()}
        rows = [f"server {name} 127.0.0.1:{port} weight {100 * (name == 'a')}" for name, port in ports.items()]
        made = stack.enter_context(proxy("wproxy", folder, "balance key", *lines, *rows, mode="redis"))
        yield Held(Sharded(made, servers, servers["a"]), way)


@pytest.mark.parametrize("word", [b"RESTORE"])
def test_a_move_that_arrives_when_the_next_owner_has_written_leaves_no_copy(tmp_path: Path, word: bytes) -> None:
    with held(tmp_path, "timeout server 1s") as made, Client(made.around.proxy.port) as client:
        assert client.ask("SET", KEY, "old") == b"OK"
        made.way.hold(word)
        made.give("b")
        wait_for(lambda: made.way.held, 10.0, "a move is held up on its way")
        made.give("c")
        assert client.ask("GET", KEY) == b"old"
        assert client.ask("SET", KEY, "new") == b"OK"
        made.around.wait()
        assert made.copies() == {"c": b"new"}
        made.way.release()
        threading.Event().wait(0.3)  # time to arrive: that it does not is the point
        assert made.copies() == {"c": b"new"}
        for name in "bac":
            made.give(name)
            assert client.ask("GET", KEY) == b"new"
            made.around.wait()
            assert made.copies() == {name: b"new"}
