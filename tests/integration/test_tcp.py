"""mode tcp: bytes, goodbyes and resets pass as they do through HAProxy, on which the same tests run."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import (
    TIMEOUT_S,
    Sender,
    accept,
    ask_name,
    connect,
    identify,
    listening_socket,
    named_server,
    port_of,
    read_all,
    read_exactly,
    reset,
    tcp_server,
)
from tests.support.waiting import wait_for

BULK = os.urandom(1 << 20) * 50


class Pair:
    """Both ends of one connection through the proxy: `client` dialled, `served` was accepted by the server."""

    def __init__(self, made: Proxy, listening: socket.socket) -> None:
        self.proxy = made
        self.client = connect(made.port)
        self.served = accept(listening)

    def close(self) -> None:
        self.client.close()
        self.served.close()


@pytest.fixture(params=["haproxy", "wproxy"])
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@contextmanager
def proxied_socket(program: str, folder: Path, *lines: str) -> Iterator[tuple[Proxy, socket.socket]]:
    """Yield a proxy in front of a listening socket of the test's own."""
    with (
        listening_socket() as listening,
        proxy(program, folder, f"server s 127.0.0.1:{port_of(listening)}", *lines) as made,
    ):
        yield made, listening


@pytest.fixture
def pair(program: str, tmp_path: Path) -> Iterator[Pair]:
    """A connection through the proxy; at the end nothing of it may be left."""
    with proxied_socket(program, tmp_path) as (made, listening):
        descriptors = made.descriptors
        opened = Pair(made, listening)
        try:
            yield opened
        finally:
            opened.close()
        made.stats.wait_until_idle()
        if program == "wproxy":  # HAProxy keeps the pipes it splices through
            wait_for(lambda: made.descriptors == descriptors, what="all descriptors given back")


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_bytes_pass_both_ways_as_they_are(pair: Pair) -> None:
    everything = bytes(range(256)) * 3
    pair.client.sendall(everything)
    assert read_exactly(pair.served, len(everything)) == everything
    pair.served.sendall(everything[::-1])
    assert read_exactly(pair.client, len(everything)) == everything[::-1]


def exchange_bulk(pair: Pair, receive: Callable[[socket.socket], bytes], *, hang_up: bool) -> None:
    """Send BULK both ways at once, and check that `receive` gets all of it at each end."""
    ends = pair.client, pair.served
    senders = [Sender(end, BULK, hang_up=hang_up) for end in ends]
    with ThreadPoolExecutor(len(ends)) as pool:
        received = [digest(data) for data in pool.map(receive, ends)]
    for sender in senders:
        sender.join()
    assert received == [digest(BULK)] * 2
    pair.close()  # HAProxy counts the last bytes when nothing more comes
    wait_for(
        lambda: pair.proxy.stats.numbers("s", "bin", "bout") == (len(BULK), len(BULK)), what="all of it is counted"
    )


def test_bulk_passes_both_ways_at_once(pair: Pair) -> None:
    exchange_bulk(pair, lambda end: read_exactly(end, len(BULK)), hang_up=False)


@pytest.mark.parametrize("program", ["wproxy"])  # HAProxy 2.6.12 resets one such connection in fifty
def test_goodbyes_that_cross_cost_no_byte_of_bulk(pair: Pair) -> None:
    exchange_bulk(pair, read_all, hang_up=True)


def test_a_client_that_sends_no_more_still_gets_its_answer(pair: Pair) -> None:
    pair.client.sendall(b"question")
    pair.client.shutdown(socket.SHUT_WR)
    assert read_all(pair.served) == b"question"
    pair.served.sendall(b"answer" * 100_000)
    pair.served.close()
    assert read_all(pair.client) == b"answer" * 100_000


def test_a_server_that_sends_no_more_still_gets_what_the_client_says(pair: Pair) -> None:
    pair.served.sendall(b"banner")
    pair.served.shutdown(socket.SHUT_WR)
    assert read_all(pair.client) == b"banner"
    pair.client.sendall(b"late" * 100_000)
    pair.client.shutdown(socket.SHUT_WR)
    assert read_all(pair.served) == b"late" * 100_000


def test_a_client_that_resets_ends_the_servers_connection(pair: Pair) -> None:
    pair.client.sendall(b"x")
    assert read_exactly(pair.served, 1) == b"x"
    reset(pair.client)
    with pytest.raises((ConnectionResetError, EOFError)):
        raise_eof(pair.served)
    pair.proxy.stats.wait_until_idle()


def raise_eof(connection: socket.socket) -> None:
    """Read up to the end, which is an EOFError or a reset."""
    read_all(connection)
    raise EOFError


def test_a_server_that_resets_mid_transfer_ends_the_clients_connection(pair: Pair) -> None:
    pair.served.sendall(b"y" * 1000)
    assert read_exactly(pair.client, 1000) == b"y" * 1000
    pair.client.sendall(b"x" * 100_000)
    read_exactly(pair.served, 1)
    reset(pair.served)
    with pytest.raises((ConnectionResetError, EOFError)):
        raise_eof(pair.client)
    pair.proxy.stats.wait_until_idle()
    assert pair.proxy.stats.numbers("s", "srv_abrt", "cli_abrt") == (1, 0)


def test_what_a_client_sends_before_its_server_is_there_arrives(program: str, tmp_path: Path) -> None:
    early = os.urandom(500_000)
    with listening_socket() as listening:
        server = f"server s 127.0.0.1:{port_of(listening)} maxconn 1"
        with proxy(program, tmp_path, server, "timeout queue 10s") as made:
            with connect(made.port), accept(listening):  # takes the only place
                client = connect(made.port)
                sender = Sender(client, early)
                wait_for(lambda: made.stats.numbers("BACKEND", "qcur") == (1,), what="the client queues")
            with client, accept(listening) as served:
                assert digest(read_all(served)) == digest(early)
                sender.join()


def test_a_unix_socket_and_ipv6_on_either_side(program: str, tmp_path: Path) -> None:
    port6, path, server_path = free_port("::1"), tmp_path / "in.sock", tmp_path / "out.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, named_server("four") as four:
        listening.settimeout(TIMEOUT_S)
        listening.bind(str(server_path))
        listening.listen()
        lines = f"bind [::1]:{port6}", f"bind {path}", "server u " + str(server_path), f"server f 127.0.0.1:{four}"
        with proxy(program, tmp_path, *lines):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(TIMEOUT_S)
                client.connect(str(path))
                with accept(listening) as served:
                    served.sendall(b"unix")
                assert read_all(client) == b"unix"
            assert read_name(connect(port6, "::1")) == "four"


def test_a_server_by_its_name_and_the_version_of_ip(program: str, tmp_path: Path) -> None:
    with named_server("four") as four, proxy(program, tmp_path, f"server f ipv4@localhost:{four}") as made:
        assert ask_name(made.port) == "four"


def read_name(connection: socket.socket) -> str:
    with connection:
        return read_all(connection).decode()


def test_without_a_server_the_connection_is_closed_at_once(program: str, tmp_path: Path) -> None:
    with proxy(program, tmp_path, "server s 127.0.0.1:1 disabled") as made:
        assert ask_name(made.port) == ""
        assert made.stats.row("BACKEND")["status"] == "DOWN"


def test_many_connections_at_once_each_get_their_own_bytes(program: str, tmp_path: Path) -> None:
    def echo(connection: socket.socket) -> None:
        connection.sendall(read_all(connection))

    with (
        tcp_server(echo) as first,
        tcp_server(echo) as second,
        proxy(program, tmp_path, f"server a 127.0.0.1:{first}", f"server b 127.0.0.1:{second}") as made,
    ):
        clients = [connect(made.port) for _ in range(200)]
        for number, client in enumerate(clients):
            client.sendall(b"%d" % number * 1000)
            client.shutdown(socket.SHUT_WR)
        for number, client in reversed(list(enumerate(clients))):
            # The servers serve in order of arrival: who came last waits longest, and all are under way.
            assert read_all(client) == b"%d" % number * 1000
            client.close()


def test_frontends_share_a_backend(program: str, tmp_path: Path) -> None:
    other = free_port()
    with named_server("x") as x:
        rest = (
            f"frontend second\n    bind 127.0.0.1:{other}\n    default_backend b\nbackend b\n    server x 127.0.0.1:{x}"
        )
        with proxy(program, tmp_path, f"server x 127.0.0.1:{x}", rest=rest) as made:
            assert (ask_name(made.port), ask_name(other)) == ("x", "x")
            assert made.stats.ask("show backend").splitlines()[-3:-1] == ["main", "b"]


def test_a_paused_frontend_keeps_its_clients_and_takes_no_new_ones(program: str, tmp_path: Path) -> None:
    with proxied_socket(program, tmp_path) as (made, listening):
        pair = Pair(made, listening)
        for _ in range(2):
            made.stats.ask("disable frontend main")
            assert made.stats.row("FRONTEND")["status"] == "PAUSED"
            with pytest.raises(ConnectionRefusedError):
                connect(made.port)
            pair.client.sendall(b"live")
            assert read_exactly(pair.served, 4) == b"live"
            made.stats.ask("enable frontend main")
            Pair(made, listening).close()
        pair.close()


def test_a_frontend_that_is_resumed_and_paused_at_once_stays_paused(program: str, tmp_path: Path) -> None:
    with proxied_socket(program, tmp_path) as (made, listening):
        made.stats.ask("disable frontend main")
        made.stats.ask("enable frontend main;disable frontend main")
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connect(made.port)
        made.stats.ask("enable frontend main")
        Pair(made, listening).close()


def test_identical_answers_for_a_server_that_hangs_up_first(program: str, tmp_path: Path) -> None:
    with tcp_server(identify("bye")) as port, proxy(program, tmp_path, f"server s 127.0.0.1:{port}") as made:
        with connect(made.port) as client:
            assert read_all(client) == b"bye"
            client.sendall(b"too late")  # to nobody; the answer is the end
            with pytest.raises((ConnectionResetError, EOFError)):
                raise_eof(client)
        made.stats.wait_until_idle()
