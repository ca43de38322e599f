"""What may happen to a stats socket: silent crowds, garbage, megabytes, clients that do not read; and its limits."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of, read_all, read_exactly, reset
from tests.support.waiting import wait_for

GLOBAL = """
global
    stats maxconn {maxconn}
    stats timeout {timeout}
"""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Proxy]:
    """A wproxy that serves 5 clients of its stats socket at a time, each for at most 2 silent seconds."""
    with listening_socket() as listening:
        line = f"server a 127.0.0.1:{port_of(listening)} weight 30"
        with proxy("wproxy", tmp_path, line, rest=GLOBAL.format(maxconn=5, timeout="2s")) as running:
            yield running


def client_of(made: Proxy) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(20.0)
    client.connect(str(made.stats.path))
    return client


def wait_until_as_before(made: Proxy, descriptors: int) -> None:
    wait_for(lambda: made.descriptors <= descriptors, what="the descriptors are given back")


def test_a_silent_crowd_is_bounded_and_only_delays_the_others(made: Proxy) -> None:
    before = made.descriptors
    with ExitStack() as crowd:
        for _ in range(500):
            crowd.enter_context(client_of(made))
        wait_for(lambda: made.descriptors == before + 5, what="five are served")
        with connect(made.port) as client:  # the traffic does not notice
            wait_for(lambda: client.getpeername()[1] == made.port)
            # A reset: after a mere goodbye the session would stay for as long as its server wants.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until_as_before(made, before)
    assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"


def test_thousands_of_idle_clients_cost_the_traffic_nothing(made: Proxy) -> None:
    before, resident = made.descriptors, made.resident_bytes
    with listening_socket() as listening, ExitStack() as crowd:
        assert "port changed" in made.stats.ask(f"set server main/a addr 127.0.0.1 port {port_of(listening)}")
        entered = 0
        for _ in range(3000):
            client = crowd.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            client.setblocking(False)
            entered += client.connect_ex(str(made.stats.path)) == 0  # the kernel's queue takes no more than so many
        assert entered > 500
        wait_for(lambda: made.descriptors == before + 5, what="five are served")
        used_s = made.cpu_s
        with connect(made.port) as client, accept(listening) as served:
            client.sendall(b"x" * 1000)
            assert read_exactly(served, 1000) == b"x" * 1000
        assert made.cpu_s - used_s < 0.1
        assert made.resident_bytes < resident + (4 << 20)
    wait_until_as_before(made, before)
    assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"


@pytest.mark.parametrize(
    "said", [b"show info <<\n", b"show info <<\nhalf a pay", b"prompt\nshow info <<\na\nb\n", b"show in"]
)
def test_what_is_never_finished_is_hung_up_on(tmp_path: Path, said: bytes) -> None:
    """HAProxy 2.6.12 keeps some of these for ever."""
    rest = GLOBAL.format(maxconn=5, timeout="500ms")
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", rest=rest) as half, ExitStack() as crowd:
        clients = [crowd.enter_context(client_of(half)) for _ in range(20)]  # four times as many as have a seat
        for client in clients:
            client.sendall(said)
        for client in clients:
            assert read_all(client).strip(b"\n> +") == b""
        assert "Pid: " in half.stats.ask("show info")


def test_a_silent_client_is_hung_up_on(made: Proxy) -> None:
    with client_of(made) as client:
        assert read_all(client) == b""
    with client_of(made) as client:
        client.sendall(b"prompt\nset timeout cli 1ms\n")
        assert read_all(client) == b"\n> \n> "


@pytest.mark.parametrize("said", [b"x" * (1 << 20), b"show version;" * 80_000, b"show version <<\n" + b"y\n" * 500_000])
def test_a_megabyte_is_cut_off(made: Proxy, said: bytes) -> None:
    before, resident = made.descriptors, made.resident_bytes
    with client_of(made) as client, suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(said)
        client.sendall(b"\n")
        assert len(read_all(client)) < 1 << 20
    wait_until_as_before(made, before)
    assert made.resident_bytes < resident + (8 << 20)
    assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"


def test_garbage_is_answered_or_cut_off(made: Proxy) -> None:
    """What an exception would have written to the log is checked when the proxy has ended."""
    source = random.Random(7)
    for _ in range(60):
        garbage = source.randbytes(source.randrange(1, 3000)) + b"\n"
        with client_of(made) as client, suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(garbage)
            client.shutdown(socket.SHUT_WR)
            read_all(client)
    assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"


def test_a_client_that_does_not_read_costs_little(made: Proxy) -> None:
    before, resident = made.descriptors, made.resident_bytes
    asked = b"show info desc\n" * 50_000  # 300 MB of answers
    with ExitStack() as stack:
        clients = [stack.enter_context(client_of(made)) for _ in range(4)]
        for client in clients:
            client.setblocking(False)
            with suppress(BlockingIOError):
                client.sendall(asked)
        assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"
        assert made.resident_bytes < resident + (16 << 20)
        wait_until_as_before(made, before)  # they are hung up on, although they have not taken anything


def test_a_client_that_reads_late_gets_everything(made: Proxy) -> None:
    with client_of(made) as client:
        client.sendall(b"show info desc\n" * 500)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client).count(b"Name: HAProxy") == 500


def test_clients_that_vanish_leave_nothing_behind(made: Proxy) -> None:
    before = made.descriptors
    for _ in range(200):
        with client_of(made) as client:
            client.sendall(b"show stat\n")
    wait_until_as_before(made, before)
    assert made.stats.ask("get weight main/a") == "30 (initial 30)\n\n"


# -- limits that are set there ---------------------------------------------------------------------------------------


def test_a_global_limit_holds_and_is_lifted(made: Proxy) -> None:
    assert made.stats.ask("set maxconn global 2") == "\n"
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(made.port)) for _ in range(4)]
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (2,), what="two are served")
        reset(clients.pop(0))
        wait_for(lambda: made.stats.numbers("FRONTEND", "stot") == (3,), what="the third follows")
        assert made.stats.numbers("FRONTEND", "scur") == (2,)
        assert made.stats.ask("set maxconn global 0") == "\n"
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (3,), what="the rest is let in")


def test_a_frontend_that_takes_nobody(made: Proxy) -> None:
    assert made.stats.ask("set maxconn frontend main 0") == "\n"
    with connect(made.port):
        assert made.stats.numbers("FRONTEND", "scur", "slim") == (0, 0)
        assert made.stats.ask("set maxconn frontend main 5") == "\n"
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (1,), what="it is let in")


@pytest.mark.parametrize("kind", ["connections", "sessions"])
def test_a_rate_limit_holds(made: Proxy, kind: str) -> None:
    """A burst passes second by second; the queue of the kernel holds the rest."""
    assert made.stats.ask(f"set rate-limit {kind} global 20") == "\n"
    with ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(connect(made.port))
        wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (60,), 15.0, "all are served")
    assert made.stats.numbers("FRONTEND", "rate_max") <= (20,)


def test_a_servers_limit_is_raised_and_the_queue_moves(made: Proxy) -> None:
    assert made.stats.ask("set maxconn server main/a 1") == "\n"
    with connect(made.port), connect(made.port):
        wait_for(lambda: made.stats.numbers("BACKEND", "qcur") == (1,), what="one waits")
        assert made.stats.ask("set maxconn server main/a 2") == "\n"
        wait_for(lambda: made.stats.numbers("a", "scur") == (2,), what="it is served")
