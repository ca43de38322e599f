"""mode tcp: timeouts, queues and memory are bounded, as in HAProxy, on which the same tests run; nothing leaks."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import (
    Sender,
    accept,
    connect,
    full_backlog,
    listening_socket,
    port_of,
    read_all,
    read_exactly,
    reset,
    tcp_server,
)
from tests.support.waiting import wait_for

BULK = b"0123456789abcdef" * (1 << 16) * 50  # 50 MB, more than the kernel's buffers hold
SHORT = 0.3
SLACK = 5.0  # a timeout may come late by this much on a machine that is busy; those that are not set take 20 s


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextmanager
def took(least_s: float, most_s: float) -> Iterator[None]:
    """Time the block, which begins before what starts the proxy's clock: this process may be held up in between."""
    began = time.monotonic()
    yield
    passed = time.monotonic() - began
    assert least_s <= passed <= most_s


def ended(connection: socket.socket) -> bytes:
    """Return what comes up to the end of a connection, be it a goodbye or a reset."""
    try:
        return read_all(connection)
    except ConnectionResetError:
        return b""


@contextmanager
def in_front_of(listening: socket.socket, program: str, folder: Path, *lines: str, server: str = "") -> Iterator[Proxy]:
    """Run `program` in front of a socket of the test's own; `server` is the rest of the server line."""
    with proxy(program, folder, f"server s 127.0.0.1:{port_of(listening)} {server}", *lines) as made:
        yield made


def test_a_silent_connection_ends(program: str, tmp_path: Path) -> None:
    lines = "timeout client 300ms", "timeout server 300ms"
    with listening_socket() as listening, in_front_of(listening, program, tmp_path, *lines) as made:
        with connect(made.port) as client, accept(listening) as served:
            with took(SHORT - 0.05, SHORT + SLACK):
                client.sendall(b"x")
                assert read_exactly(served, 1) == b"x"
                assert ended(client) == b""
            assert ended(served) == b""
        made.stats.wait_until_idle()


@pytest.mark.parametrize("side", ["client", "server"])
def test_the_shorter_timeout_ends_its_own_side_only(program: str, tmp_path: Path, side: str) -> None:
    """The other side is told, and may still say something before it leaves, too."""
    with (
        listening_socket() as listening,
        in_front_of(listening, program, tmp_path, f"timeout {side} 300ms") as made,
        took(SHORT - 0.05, SHORT + SLACK),
        connect(made.port) as client,
        accept(listening) as served,
    ):
        late, other = (client, served) if side == "client" else (served, client)
        assert ended(other) == b""
        other.sendall(b"more")
        other.close()
        assert ended(late) == b"more"
        made.stats.wait_until_idle()


@pytest.mark.parametrize("talker", ["client", "server"])
def test_bytes_in_one_direction_keep_a_connection(program: str, tmp_path: Path, talker: str) -> None:
    lines = "timeout client 1s", "timeout server 1s"  # far more than the pace, at which this process may be held up
    with (
        listening_socket() as listening,
        in_front_of(listening, program, tmp_path, *lines) as made,
        connect(made.port) as client,
        accept(listening) as served,
    ):
        source, sink = (client, served) if talker == "client" else (served, client)
        pace = threading.Event()
        for _ in range(14):
            source.sendall(b"x")
            assert read_exactly(sink, 1) == b"x"
            pace.wait(0.1)


def test_a_server_that_does_not_answer_ends_by_the_connect_timeout(program: str, tmp_path: Path) -> None:
    lines = "timeout connect 200ms", "retries 2"
    with full_backlog() as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port}", *lines) as made:
        # Three attempts of 200 ms; HAProxy waits no further 200 ms between them, because a timeout is a pause.
        with took(0.55, 1.1 + SLACK), connect(made.port) as client:
            assert ended(client) == b""
        made.stats.wait_until_idle()
        assert made.stats.numbers("s", "econ", "wretr") == (1, 2)


def test_those_beyond_maxconn_wait_in_order(program: str, tmp_path: Path) -> None:
    with (
        listening_socket() as listening,
        in_front_of(listening, program, tmp_path, "timeout queue 10s", server="maxconn 1") as made,
    ):
        clients = []
        for number in range(5):
            clients.append(connect(made.port))
            clients[-1].sendall(b"%d" % number)
            wait_for(lambda n=number: made.stats.numbers("BACKEND", "qcur", "scur") == (n, n + 1))  # type: ignore[misc]
        assert made.stats.numbers("s", "scur", "slim") == (1, 1)
        for number, client in enumerate(clients):
            with accept(listening) as served, client:
                assert read_exactly(served, 1) == b"%d" % number
        made.stats.wait_until_idle()
        assert made.stats.numbers("s", "smax", "stot") == (1, 5)
        assert made.stats.numbers("BACKEND", "qcur", "qmax") == (0, 4)


def test_waiting_in_the_queue_ends_by_its_timeout(program: str, tmp_path: Path) -> None:
    with (
        listening_socket() as listening,
        in_front_of(listening, program, tmp_path, "timeout queue 300ms", server="maxconn 1") as made,
        connect(made.port) as first,
        accept(listening) as served,
    ):
        with took(SHORT - 0.05, SHORT + SLACK), connect(made.port) as second:
            assert ended(second) == b""
        wait_for(lambda: made.stats.numbers("BACKEND", "qcur", "scur") == (0, 1), what="the second is gone")
        served.sendall(b"still here")
        assert read_exactly(first, 10) == b"still here"


@pytest.mark.parametrize(
    ("program", "noticed"),
    [("haproxy", True), ("wproxy", True), ("wproxy", False)],
    ids=["haproxy", "wproxy", "at once"],
)
def test_one_who_leaves_the_queue_takes_no_place(program: str, tmp_path: Path, *, noticed: bool) -> None:
    """Not even one who leaves in the moment the place frees; HAProxy 2.6 may then forget those who wait behind."""
    with (
        listening_socket() as listening,
        in_front_of(listening, program, tmp_path, "timeout queue 10s", server="maxconn 1") as made,
    ):
        with connect(made.port) as first, accept(listening) as served:
            impatient, patient = connect(made.port), connect(made.port)
            wait_for(lambda: made.stats.numbers("BACKEND", "qcur") == (2,))
            reset(impatient)
            if noticed:
                wait_for(lambda: made.stats.numbers("BACKEND", "qcur") == (1,))
            first.close()
            assert read_all(served) == b""
        patient.sendall(b"p")
        with patient, accept(listening) as served:
            assert read_exactly(served, 1) == b"p"
        made.stats.wait_until_idle()


def test_a_place_that_frees_in_the_moment_the_queue_times_out(tmp_path: Path) -> None:
    """Sessions and waiters whose times are over in the same tick of the wheel must not trip over each other."""
    lines = "timeout queue 200ms", "timeout client 200ms", "timeout server 200ms"
    with (
        listening_socket() as listening,
        in_front_of(listening, "wproxy", tmp_path, *lines, server="maxconn 1") as made,
    ):
        for _ in range(5):
            clients = [connect(made.port) for _ in range(40)]
            for client in clients:
                assert ended(client) == b""
                client.close()
            made.stats.wait_until_idle()


def test_a_frontend_beyond_its_maxconn_lets_clients_wait(program: str, tmp_path: Path) -> None:
    with listening_socket() as listening, in_front_of(listening, program, tmp_path, "maxconn 3") as made:
        clients = [connect(made.port) for _ in range(6)]
        served = [accept(listening) for _ in range(3)]
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur", "slim") == (3, 3))
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number)
        assert sorted(read_exactly(each, 1) for each in served) == [b"0", b"1", b"2"]
        for each in clients[:3] + served:
            each.close()
        served = [accept(listening) for _ in range(3)]
        assert sorted(read_exactly(each, 1) for each in served) == [b"3", b"4", b"5"]
        for each in clients[3:] + served:
            each.close()
        made.stats.wait_until_idle()
        assert made.stats.numbers("FRONTEND", "smax") == (3,)


def test_a_crowd_at_once_finds_no_more_places_than_maxconn_says(program: str, tmp_path: Path) -> None:
    # Far from the limit wproxy accepts several clients in a turn of its loop, which must not bring it over the limit.
    with listening_socket() as listening, in_front_of(listening, program, tmp_path, "maxconn 70") as made:
        made.process.send_signal(signal.SIGSTOP)
        clients = [connect(made.port) for _ in range(71)]  # as many as HAProxy's backlog takes
        made.process.send_signal(signal.SIGCONT)
        served = [accept(listening) for _ in range(70)]
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (70,))
        for each in clients[:70] + served:
            each.close()
        served = [accept(listening)]
        for each in clients[70:] + served:
            each.close()
        made.stats.wait_until_idle()
        assert made.stats.numbers("FRONTEND", "smax", "stot") == (70, 71)


@pytest.mark.parametrize("reader", ["client", "server"])
def test_a_slow_reader_costs_no_memory(program: str, tmp_path: Path, reader: str) -> None:
    """Four connections whose sender has 50 MB and whose reader reads nothing, then everything."""
    with listening_socket() as listening, in_front_of(listening, program, tmp_path) as made, ExitStack() as stack:
        before = made.resident_bytes
        readers, senders = [], []
        for _ in range(4):
            client, served = stack.enter_context(connect(made.port)), stack.enter_context(accept(listening))
            source, sink = (served, client) if reader == "client" else (client, served)
            readers.append(sink)
            senders.append(Sender(source, BULK))
        for sender in senders:
            sender.wait_until_stuck()
        assert made.resident_bytes - before < 20 << 20
        for sink in readers:
            assert read_all(sink) == BULK
        for sender in senders:
            sender.join()
        stack.close()  # the other direction was still open
        made.stats.wait_until_idle()


def test_early_bytes_for_a_server_that_does_not_read_cost_no_memory(tmp_path: Path) -> None:
    """What a client sent while it queued must not release the brake on what it sends afterwards."""
    with listening_socket() as listening:
        # A small window keeps the kernel from taking what was early, so that it fills the proxy's buffer.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with in_front_of(listening, "wproxy", tmp_path, "timeout queue 10s", server="maxconn 1") as made:
            first, held = connect(made.port), accept(listening)
            with connect(made.port) as client:
                sender = Sender(client, BULK)
                sender.wait_until_stuck()
                before = made.resident_bytes
                first.close()
                held.close()
                with accept(listening) as served:
                    sender.wait_until_stuck()
                    assert made.resident_bytes - before < 20 << 20
                    reset(served)
                sender.join()


def test_a_client_that_never_reads_is_dropped_when_its_time_is_over(tmp_path: Path) -> None:
    lines = "timeout client 300ms", "timeout server 300ms"
    with listening_socket() as listening, in_front_of(listening, "wproxy", tmp_path, *lines) as made:
        descriptors = made.descriptors
        with connect(made.port), accept(listening) as served:
            sender = Sender(served, BULK)
            wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (0,), what="the session ends")
            wait_for(lambda: made.descriptors == descriptors, what="its descriptors are given back")
            sender.join()


def test_a_client_that_never_takes_the_last_bytes_is_dropped_too(tmp_path: Path) -> None:
    """The server has said all and hung up; what is left in the proxy must not wait for ever."""
    with listening_socket() as listening, in_front_of(listening, "wproxy", tmp_path, "timeout client 300ms") as made:
        descriptors = made.descriptors
        with connect(made.port) as client, accept(listening) as served:
            client.shutdown(socket.SHUT_WR)
            assert read_all(served) == b""
            sender = Sender(served, BULK)
            sender.join()
            served.close()
            wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (0,), what="the session ends")
            wait_for(lambda: made.descriptors == descriptors, what="its descriptors are given back")


def test_2000_connections_dropped_at_every_stage_leave_nothing(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        """Answer the first byte in one of three ways."""
        asked = connection.recv(1)
        if asked == b"r":
            reset(connection)
        elif asked == b"a":
            connection.sendall(b"answer")

    with tcp_server(serve) as port:
        lines = "timeout queue 5s", "option redispatch", "server dead 127.0.0.1:1 weight 1"
        with proxy("wproxy", tmp_path, f"server s 127.0.0.1:{port} maxconn 20", "retries 1", *lines) as made:
            descriptors = made.descriptors
            for number in range(2000):
                drop(connect(made.port), number % 6)
            made.stats.wait_until_idle()
            wait_for(lambda: made.descriptors == descriptors, what="all descriptors given back")
            assert made.stats.numbers("BACKEND", "qcur") == (0,)


def drop(connection: socket.socket, stage: int) -> None:
    """Leave a connection at one of six stages."""
    if stage == 1:
        connection.sendall(b"a")  # leave before the answer
    elif stage == 2:
        connection.sendall(b"a")
        ended(connection)
    elif stage == 3:
        connection.sendall(b"r")  # the server resets
        ended(connection)
    elif stage == 4:
        connection.sendall(b"x" * 10_000)
    if stage in (4, 5):
        reset(connection)
    connection.close()
