"""What a change of weights costs the proxy, without sockets: `python -m tests.bench.change`.

As `commands`, in front of two simulated servers: µs of processor time for a command at rest, for one on a key that
must move first, for one on a key that has moved, and for a key that the background moves; ms for the change itself.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from itertools import cycle, islice
from statistics import median
from time import process_time_ns
from typing import cast

import hiredis

from tests.bench.commands import BEST_OF, CLIENTS, Bench
from wproxy.dataplane.redis.rebalance import Rebalance
from wproxy.policy.balance.key import MOVING, SLOTS, slot_of
from wproxy.protocols.resp import pack

KEYS = 20_000
PIPELINE = 16
VALUE_BYTES = 100
TOUCHED = 3  # keys in moving slots of the 16 in a read: nearly the fifth that moves
ROUNDS = 5
PAGE = 50  # keys that the background finds to move in one page of a scan
_WEIGHTS = ((50, 50), (30, 70))
_ALIKE = {"CLIENT": b"$25\r\nid=1 addr=127.0.0.1:1 end\r\n", "PING": b"+PONG\r\n", "COMMAND": b"*0\r\n"}


class Redis:
    """As much of a server as moves need; a value is its own dump, and no key expires."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}

    def answer(self, written: bytes) -> bytes:
        """Execute what a link has written."""
        reader = hiredis.Reader()
        reader.feed(written)
        replies: list[bytes] = []
        while (command := reader.gets()) is not False:
            replies.append(self._execute(cast("list[bytes]", command)))
        return b"".join(replies)

    def _execute(self, command: list[bytes]) -> bytes:
        name, data = command[0].decode(), self.data
        if name in _ALIKE:
            return _ALIKE[name]
        key = command[2] if name == "MEMORY" else command[1]
        value = data.get(key)
        match name:
            case "SET":
                data[key] = command[2]
                return b"+OK\r\n"
            case "GET" | "DUMP":
                return b"$-1\r\n" if value is None else b"$%d\r\n%b\r\n" % (len(value), value)
            case "MEMORY":
                return b"$-1\r\n" if value is None else b":%d\r\n" % (len(value) + 50)
            case "PTTL" | "PEXPIRETIME":
                return b":-2\r\n" if value is None else b":-1\r\n"
            case "RESTORE":
                data[key] = command[3]
                return b"+OK\r\n"
            case "UNLINK":
                return b":%d\r\n" % sum(data.pop(each, None) is not None for each in command[1:])
        raise AssertionError(command)


class Moving(Bench):
    """The clients of `Bench` in front of servers whose keys can move."""

    def __init__(self) -> None:
        self.redis = {"redis0": Redis(), "redis1": Redis()}
        super().__init__("key")

    def change(self) -> int:
        """Change the weights, to and fro; return the nanoseconds until the new owners are in force."""
        servers = self.backend.servers
        weights = _WEIGHTS[servers[0].weight == _WEIGHTS[0][0]]
        began = process_time_ns()
        for server, weight in zip(servers, weights, strict=True):
            server.weight = weight
        self.backend.rebuild()
        self.loop.end_turn()
        return process_time_ns() - began + self.settle()

    def settle(self) -> int:
        """Have the servers answer until nothing is under way; return the nanoseconds spent in the proxy."""
        spent = 0
        while True:
            self.greet()
            asked = [(link, transport.take()) for link, transport in self.links if transport.written]
            if not asked:
                return spent
            answered = [(link, self.redis[link.server.name].answer(data)) for link, data in asked]
            began = process_time_ns()
            for link, data in answered:
                link.data_received(data)
            self.loop.end_turn()
            spent += process_time_ns() - began

    def command_turn(self, reads: list[bytes]) -> int:
        """Let every client send its read; return the nanoseconds until all are answered."""
        began = process_time_ns()
        for (client, _), read in zip(self.clients, reads, strict=True):
            client.data_received(read)
        self.loop.end_turn()
        spent = process_time_ns() - began + self.settle()
        for _, transport in self.clients:
            assert transport.take().count(b"\r\n") == 2 * PIPELINE, "a client without its replies"
        return spent

    def background(self, names: list[bytes]) -> int:
        """Have the keys `names` moved as a scan does that has found them; return the nanoseconds spent in the proxy."""
        rebalance, settled = cast("Rebalance", self.backend.epochs), list[bool]()
        began = process_time_ns()
        for name in names:
            rebalance.background(slot_of(name), (0, name), settled.append, force=False)
        self.loop.end_turn()
        spent = process_time_ns() - began + self.settle()
        assert settled == [True] * len(names)
        return spent


class Reads:
    """What clients send, a turn of all of them at a time: GETs of keys in moving slots, and of others."""

    def __init__(self, moving: Sequence[bytes], others: Sequence[bytes]) -> None:
        self._moving = iter(moving)
        self._others = cycle(others)

    def turn(self, of_moving: int) -> list[bytes]:
        """Return the next read of each client, with so many keys in moving slots, each of them read once."""
        return [self._read(of_moving) for _ in range(CLIENTS)]

    def _read(self, of_moving: int) -> bytes:
        names = [*islice(self._moving, of_moving), *islice(self._others, PIPELINE - of_moving)]
        random.Random(1).shuffle(names)
        return b"".join(pack([b"GET", name]) for name in names)


def measure() -> dict[str, float]:
    """Return what is measured, by what it is called."""
    bench = Moving()
    names = [b"key:%06d" % number for number in range(KEYS)]
    for server in bench.redis.values():
        server.data.clear()
    before = bench.router.owners[:SLOTS]
    for name in names:
        bench.redis[f"redis{before[slot_of(name)]}"].data[name] = b"x" * VALUE_BYTES
    changes = [bench.change()]
    moving: list[bytes] = []
    others: list[bytes] = []
    for name in names:
        (moving if bench.router.owners[slot_of(name)] == MOVING else others).append(name)
    stills = [Reads([], others).turn(0) for _ in range(10)]
    some = Reads(moving[PAGE * 20 :], others)
    touches = [some.turn(TOUCHED) for _ in range((len(moving) - PAGE * 20) // (TOUCHED * CLIENTS))]
    touched = _turns(bench, touches) / len(touches)
    pairs = [(_turns(bench, stills), _turns(bench, touches)) for _ in range(BEST_OF)]
    still = min(pair[0] for pair in pairs) / len(stills)
    settled = min(pair[1] for pair in pairs) / len(touches)
    pages = [bench.background(moving[at : at + PAGE]) for at in range(0, PAGE * 20, PAGE)]
    commands = TOUCHED * CLIENTS
    return {
        "ms for the change": changes[0] / 1e6,
        "µs a command at rest": still / CLIENTS / PIPELINE / 1e3,
        "µs more for one whose key moves": (touched - still) / commands / 1e3,
        "µs more for one whose key has moved": (settled - still) / commands / 1e3,
        "µs a key that the background moves": median(pages) / PAGE / 1e3,
    }


def _turns(bench: Moving, reads: Sequence[list[bytes]]) -> int:
    return sum(bench.command_turn(each) for each in reads)


def main() -> None:
    """Print the least of some rounds."""
    argparse.ArgumentParser(prog="python -m tests.bench.change", description=__doc__).parse_args()
    rounds = [measure() for _ in range(ROUNDS)]
    for what in rounds[0]:
        print(f"{min(each[what] for each in rounds):8.2f} {what}")


if __name__ == "__main__":
    main()
