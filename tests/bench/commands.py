"""What a command costs on its way through mode redis, without sockets: `python -m tests.bench.commands`.

Real connections, router and links over transports that only keep what is written. A turn is a read of every client, the
write to every server, its answers in one read, and the write to every client: µs of processor time per command.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import process_time_ns
from typing import Any, cast

from wproxy.config import model
from wproxy.dataplane.redis.connection import RedisConnection
from wproxy.dataplane.redis.link import Link
from wproxy.dataplane.redis.login import Identity
from wproxy.dataplane.redis.router import Router
from wproxy.dataplane.route import Route
from wproxy.dataplane.services import Services
from wproxy.protocols.resp import pack
from wproxy.state.admission import Admission
from wproxy.state.backend import Backend
from wproxy.state.captures import Captures
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server
from wproxy.state.session import Sessions

HERE = model.Location("bench", 1)
CLIENTS = 50
COMMANDS = 200_000
BEST_OF = 5
_NAMES = re.compile(rb"\$3\r\n(SET|GET)\r\n")


class NeverRun:
    """The task of a link that connects: here it is connected by hand."""

    def add_done_callback(self, callback: Callable[[object], None]) -> None: ...


class Loop:
    """As much of a loop as is used: what is due at the end of a turn, and a clock that stands."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[..., None], *arguments: object) -> None:
        self.due.append(partial(callback, *arguments) if arguments else callback)

    def call_at(self, when: float, callback: Callable[[], None]) -> None: ...

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> NeverRun:
        coroutine.close()
        return NeverRun()

    def time(self) -> float:
        return 1.0

    def end_turn(self) -> None:
        while self.due:
            due, self.due = self.due, []
            for callback in due:
                callback()


class Transport:
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, data: list[bytes]) -> None:
        self.written += data

    def take(self) -> bytes:
        data = b"".join(self.written)
        self.written.clear()
        return data

    def set_write_buffer_limits(self, high: int, low: int) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Links(Router):
    """Notes the links that it makes, which are connected by hand."""

    def __init__(self, backend: Backend, services: Services) -> None:
        self.made: list[Link] = []
        super().__init__(backend, services)

    def connect(self, server: Server, protocol: int = 2, *, identity: Identity | None = None) -> Link:
        self.made.append(super().connect(server, protocol, identity=identity))
        return self.made[-1]


class Bench:
    """Fifty clients in front of a server for each of `weights`."""

    def __init__(self, balance: str, weights: Sequence[int] = (30, 70)) -> None:
        self.loop = loop = Loop()
        lines = tuple(
            model.ServerLine(f"redis{number}", model.Address("127.0.0.1", 1), HERE, weight)
            for number, weight in enumerate(weights)
        )
        backend = self.backend = Backend(model.Backend("bench", 2, model.Mode.REDIS, HERE, balance, lines), 0.0)
        admission = Admission(CLIENTS)
        frontend = Frontend(model.Frontend("bench", 1, model.Mode.REDIS, HERE), CLIENTS)
        services = Services(cast("asyncio.AbstractEventLoop", loop), Sessions(admission), Captures())
        router = self.router = Links(backend, services)
        router.open()
        self.links: list[tuple[Link, Transport]] = []
        self.greet()
        for link, transport in self.links:
            transport.take()  # what the server can do
            link.data_received(b"*0\r\n")
        self.clients: list[tuple[RedisConnection, Transport]] = []
        for _ in range(CLIENTS):
            client, transport = RedisConnection(Route.of(frontend, backend, None, None), router, services), Transport()
            client.connection_made(cast("asyncio.Transport", transport))
            self.clients.append((client, transport))

    def greet(self) -> None:
        """Connect the links that were made since the last time."""
        made, self.router.made = self.router.made, []
        for link in made:
            self.links.append((link, Transport()))
            link.connection_made(cast("asyncio.Transport", self.links[-1][1]))

    def turn(self, reads: list[bytes], answer: Callable[[bytes], bytes]) -> int:
        """Let every client send its read and the servers answer; return the nanoseconds spent in the proxy."""
        began = process_time_ns()
        for (client, _), read in zip(self.clients, reads, strict=True):
            client.data_received(read)
        self.loop.end_turn()
        spent = process_time_ns() - began
        while asked := [(link, answer(transport.take())) for link, transport in self.links if transport.written]:
            began = process_time_ns()
            for link, data in asked:
                link.data_received(data)
            self.loop.end_turn()
            spent += process_time_ns() - began
        for _, transport in self.clients:
            assert transport.take(), "a client without a reply"
        return spent


def answers(value: bytes) -> Callable[[bytes], bytes]:
    """Return a server that answers SET with OK and GET with `value`, in whatever order they come."""
    replies = {b"SET": b"+OK\r\n", b"GET": b"$%d\r\n%b\r\n" % (len(value), value)}

    def answer(data: bytes) -> bytes:
        return b"".join(map(replies.__getitem__, _NAMES.findall(data)))

    return answer


def microseconds(kind: str, balance: str, pipeline: int, length: int) -> float:
    """Return what one command costs."""
    draw = random.Random(1)
    value = b"x" * length

    def command() -> bytes:
        key = b"key:%d" % draw.randrange(1_000_000)
        word = draw.choice(("set", "get")) if kind == "mixed" else kind
        return pack([b"SET", key, value]) if word == "set" else pack([b"GET", key])

    bench, answer = Bench(balance), answers(value)
    reads = [[b"".join(command() for _ in range(pipeline)) for _ in range(CLIENTS)] for _ in range(20)]
    for warm in reads:
        bench.turn(warm, answer)
    turns = max(COMMANDS // CLIENTS // pipeline // BEST_OF, 20)
    rounds = [sum(bench.turn(reads[turn % 20], answer) for turn in range(turns)) for _ in range(BEST_OF)]
    return min(rounds) / (turns * CLIENTS * pipeline) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.commands", description=__doc__)
    parser.add_argument("--balance", default="key", choices=("key", "roundrobin"))
    options = parser.parse_args()
    print("| commands | pipeline 1 | 16 | 128 |")
    for kind, length in (("set", 3), ("get", 3), ("mixed", 40), ("set", 10_000), ("get", 10_000)):
        cells = [f"{microseconds(kind, options.balance, pipeline, length):.2f}" for pipeline in (1, 16, 128)]
        print(f"| {kind}, {length} bytes | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
