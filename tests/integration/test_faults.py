"""mode tcp: peers that die, vanish or never read, and too few descriptors; as HAProxy does, and nothing leaks."""

from __future__ import annotations

import select
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.crowds import burst, stays_flat
from tests.support.programs import free_port, running, wait_until_listening
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import (
    TIMEOUT_S,
    accept,
    connect,
    listening_socket,
    named_server,
    port_of,
    read_all,
    read_exactly,
    reset,
    tcp_server,
)
from tests.support.waiting import wait_for

MIB = 1 << 20


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def rest_of(connection: socket.socket) -> bytes:
    """Return what still comes, up to a goodbye or a reset."""
    data = bytearray()
    try:
        while chunk := connection.recv(MIB):
            data += chunk
    except ConnectionResetError:
        pass
    return bytes(data)


# -- peers that die ------------------------------------------------------------------------------------------------

TALKER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
    connection, _ = listening.accept()
    while True:
        connection.sendall(b"x" * 65536)
"""


def test_a_server_killed_in_the_middle_of_an_answer(program: str, tmp_path: Path) -> None:
    port = free_port()
    with (
        proxy(program, tmp_path, f"server s 127.0.0.1:{port}", "retries 0") as made,
        running([sys.executable, "-c", TALKER, str(port)], tmp_path, "talker") as talker,
    ):
        descriptors = made.descriptors
        wait_for(lambda: port in listening_ports(), what="the server listens")
        with connect(made.port) as client:
            assert len(read_exactly(client, MIB)) == MIB
            assert client.recv(1, socket.MSG_PEEK) == b"x"  # more is on its way
            talker.kill()
            talker.wait()
            assert set(rest_of(client)) == {ord("x")}  # what was on its way arrives, then it ends
        made.stats.wait_until_idle()
        with connect(made.port) as client:
            assert rest_of(client) == b""  # nobody is there any more
        made.stats.wait_until_idle()
        if program == "wproxy":  # HAProxy keeps the pipes it splices through
            wait_for(lambda: made.descriptors == descriptors, what="all descriptors given back")


def listening_ports() -> set[int]:
    """Return the TCP ports on which somebody listens; connecting to find out would use up the only accept."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A"}


def test_a_client_killed_in_the_middle_of_an_answer(program: str, tmp_path: Path) -> None:
    reader = (
        "import socket, sys; c = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\nwhile c.recv(65536): pass"
    )
    with listening_socket() as listening, proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(listening)}") as made:
        with running([sys.executable, "-c", reader, str(made.port)], tmp_path, "reader") as client:
            served = accept(listening)
            for _ in range(64):
                served.sendall(b"x" * 65536)
            client.kill()
            client.wait()
            with served, pytest.raises(OSError, match=r"reset|Broken pipe"):
                served.sendall(bytes(256 * MIB))
        made.stats.wait_until_idle()


# -- peers that vanish ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "leaver"),
    [
        (("timeout server-fin 300ms",), "client"),
        (("timeout client-fin 300ms",), "server"),
        (("timeout tunnel 300ms",), "nobody"),
        (("timeout client 300ms", "timeout server 300ms"), "client"),
        (("timeout client 300ms", "timeout server 300ms"), "server"),
    ],
)
def test_half_of_a_connection_ends_by_its_timeout(
    program: str, tmp_path: Path, lines: tuple[str, ...], leaver: str
) -> None:
    """One side has said goodbye and the other says nothing any more: it may have vanished."""
    with (
        listening_socket() as listening,
        proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(listening)}", *lines) as made,
        connect(made.port) as client,
        accept(listening) as served,
    ):
        sides = {"client": client, "server": served}
        if leaver in sides:
            sides[leaver].shutdown(socket.SHUT_WR)
        # All times that are not set are 20 s.
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (0,), what="the session ends")
        assert (rest_of(client), rest_of(served)) == (b"", b"")


# -- peers that do not read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["client", "server"])
def test_64_peers_that_never_read_10_mb_each(program: str, tmp_path: Path, reader: str) -> None:
    with listening_socket() as listening, proxy(program, tmp_path, f"server s 127.0.0.1:{port_of(listening)}") as made:
        before, descriptors = made.resident_bytes, made.descriptors
        pairs = [(connect(made.port), accept(listening)) for _ in range(64)]
        stuff({served if reader == "client" else client for client, served in pairs}, 10 * MIB)
        wait_for(lambda: rests(made), what="it waits, and does not ask again and again")
        # What a stuck direction holds: 64 KiB of the buffer's limit and one read of at most 256 KB.
        assert made.resident_bytes - before < 32 * MIB
        assert talks(made, listening)
        for pair in pairs:
            for end in pair:
                reset(end)
        made.stats.wait_until_idle()
        wait_for(lambda: made.resident_bytes - before < 8 * MIB, what="the memory is given back")
        if program == "wproxy":
            wait_for(lambda: made.descriptors == descriptors, what="all descriptors given back")


def rests(made: Proxy) -> bool:
    """Tell whether it uses next to no processor time for half a second: on a busy machine it may come to rest late."""
    used_s = made.cpu_s
    threading.Event().wait(0.5)
    return made.cpu_s - used_s < 0.1


def stuff(senders: set[socket.socket], size: int) -> None:
    """Send up to `size` bytes on each of `senders`, until none of them takes more."""
    left = dict.fromkeys(senders, size)
    for sender in senders:
        sender.setblocking(False)
    chunk = bytes(1 << 18)
    while ready := select.select([], [sender for sender in senders if left[sender]], [], 0.5)[1]:
        for sender in ready:
            left[sender] = max(left[sender] - sender.send(chunk), 0)
    assert any(left.values()), "everything was taken"


def talks(made: Proxy, listening: socket.socket) -> bool:
    """Tell whether a new client is served."""
    with connect(made.port) as client, accept(listening) as served:
        client.sendall(b"question")
        served.sendall(read_exactly(served, 8))
        return read_exactly(client, 8) == b"question"


# -- too few descriptors -------------------------------------------------------------------------------------------


@contextmanager
def crowded(program: str, folder: Path, *lines: str, rest: str = "", open_files: int | None = None) -> Iterator[Proxy]:
    """Run `program` with room for few clients, and have 60 of them, of whom all are served, each in its turn."""
    with ExitStack() as stack:
        listening = stack.enter_context(listening_socket(1024))
        checked = free_port()
        lines = (
            f"server s 127.0.0.1:{port_of(listening)}",
            f"server c 127.0.0.1:{checked} weight 0 check inter 50ms rise 1 fall 1",
            "backlog 200",
            *lines,
        )
        made = stack.enter_context(proxy(program, folder, *lines, rest=rest, open_files=open_files))
        made.stats.wait_for_status("c", "DOWN")
        descriptors = made.descriptors
        clients = [stack.enter_context(connect(made.port)) for _ in range(60)]
        for number, client in enumerate(clients):
            client.sendall(b"%02d" % number)
        served = accepted(listening)
        assert 4 <= len(served) < 60
        for number, connection in served.items():
            connection.sendall(b"here")
            assert read_exactly(clients[number], 4) == b"here"
        used_s = made.cpu_s
        waiting = [client for number, client in enumerate(clients) if number not in served]
        assert select.select(waiting, [], [], 1.0) == ([], [], [])  # nobody is turned away
        assert made.cpu_s - used_s < 0.2  # the checks alone
        stack.enter_context(named_server("checked", checked))
        made.stats.wait_for_status("c", "UP")  # checks go on, and the stats socket answers
        yield made
        answered = set(served)
        while served:
            for number, connection in served.items():
                connection.close()
                clients[number].close()
            served = accepted(listening) if len(answered) < len(clients) else {}
            answered |= set(served)
        assert answered == set(range(60))
        made.stats.wait_until_idle("FRONTEND", "BACKEND", "s")
        if program == "wproxy":
            wait_for(lambda: made.descriptors <= descriptors + 1, what="all descriptors given back")


def accepted(listening: socket.socket) -> dict[int, socket.socket]:
    """Return the connections that come, each within half a second of the last, by the number that the client says."""
    found: dict[int, socket.socket] = {}
    while select.select([listening], [], [], 0.5 if found else TIMEOUT_S)[0]:
        served = accept(listening)
        found[int(read_exactly(served, 2))] = served
    return found


def test_at_the_limit_of_descriptors_clients_wait_and_everything_else_goes_on(tmp_path: Path) -> None:
    """HAProxy does not start with so few."""
    with crowded("wproxy", tmp_path, open_files=80) as made:
        (connections,) = made.stats.numbers("FRONTEND", "scur")
        assert f"Maxconn: {connections}\n" in made.stats.ask("show info")


def test_at_the_global_maxconn_clients_wait_and_everything_else_goes_on(program: str, tmp_path: Path) -> None:
    with crowded(program, tmp_path, rest="global\n    maxconn 10\n") as made:
        assert made.stats.numbers("FRONTEND", "scur") == (10,)


# -- crowds that come and go ---------------------------------------------------------------------------------------


def wave(port: int, number: int) -> None:
    """Hold `number` connections, over each of which a byte has passed, then leave them one way or the other."""
    connections = [connect(port) for _ in range(number)]
    for connection in connections:
        connection.sendall(b"x")
    for order, connection in enumerate(connections):
        assert connection.recv(1) == b"y"
        if order % 2:
            reset(connection)
        connection.close()


@contextmanager
def echoing(program: str, folder: Path) -> Iterator[Proxy]:
    """Run `program` in front of a server that answers a byte and waits for its client to leave."""
    with ExitStack() as stack:
        port = free_port()
        answering = stack.enter_context(running([sys.executable, "-c", ANSWERER, str(port)], folder, "answerer"))
        wait_until_listening(answering, port, folder / "answerer.log")
        yield stack.enter_context(proxy(program, folder, f"server s 127.0.0.1:{port}"))


ANSWERER = """
import asyncio, sys
class Answering(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(b"y")
async def main():
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    await server.serve_forever()
asyncio.run(main())
"""


def crowd(port: int, number: int) -> None:
    """Have `number` connections dropped before anything is said, and as many after a byte has passed both ways."""
    burst(port, number)
    for _ in range(number // 500):
        wave(port, 500)


def test_10000_connections_opened_and_dropped(program: str, tmp_path: Path) -> None:
    with echoing(program, tmp_path) as made:
        burst(made.port, 10_000)
        made.stats.wait_until_idle()
        if program == "wproxy":
            stays_flat(made, lambda: crowd(made.port, 1_000), 6)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_quarter_of_a_million_connections_leave_nothing(tmp_path: Path) -> None:
    with echoing("wproxy", tmp_path) as made:
        stays_flat(made, lambda: crowd(made.port, 10_000), 13)


@pytest.mark.parametrize("how", ["unread", "half"])
def test_connections_reset_with_bytes_under_way_leave_nothing(program: str, tmp_path: Path, how: str) -> None:
    def serve(connection: socket.socket) -> None:
        connection.sendall(b"x" * 100_000)
        read_all(connection)

    with tcp_server(serve) as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port}") as made:
        for _ in range(200):
            client = connect(made.port)
            if how == "half":
                read_exactly(client, 50_000)
                client.shutdown(socket.SHUT_WR)
            reset(client)
        made.stats.wait_until_idle()
