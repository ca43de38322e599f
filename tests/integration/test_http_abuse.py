"""Clients and servers who mean harm, in mode http: nothing crashes, nothing grows, and all of it is given back."""

from __future__ import annotations

import resource
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.beside_http import receive
from tests.support.http_beside import GET, OK, request_end
from tests.support.http_server import recording_server
from tests.support.proxies import Proxy, proxy
from tests.support.waiting import wait_for

CROWD = 10_000
MEGABYTE = 1 << 20


def rest_of(client: socket.socket) -> bytes:
    data = bytearray()
    try:
        while chunk := client.recv(1 << 16):
            data += chunk
    except ConnectionResetError:
        pass
    return bytes(data)


def connect(made: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", made.port), 20.0)


def nothing_left(made: Proxy) -> None:
    """Fail unless every session and every place has been given back."""
    made.stats.wait_until_idle()
    info = dict(line.split(": ", 1) for line in made.stats.ask("show info").splitlines() if ": " in line)
    assert info["CurrConns"] in ("0", "1"), "only the stats socket's own"
    assert made.stats.numbers("s", "qcur", "scur", "used_conn_cur") == (0, 0, 0)
    with connect(made) as client:
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 ")


@contextmanager
def serving(*answers: bytes, hears: bool = True) -> Iterator[int]:
    """Run a server that says `answers`, the last again and again, as fast as they are taken; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    over = threading.Event()
    taken: list[socket.socket] = []

    def serve(connection: socket.socket) -> None:
        try:
            if hears:
                connection.recv(65536)
            for answer in answers[:-1]:
                connection.sendall(answer)
            while answers and not over.is_set():
                connection.sendall(answers[-1])
        except OSError:
            pass
        finally:
            if hears:
                connection.close()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()


@pytest.mark.long
def test_a_crowd_that_says_one_byte(tmp_path: Path) -> None:
    """Ten thousand heads that are never finished cost little, end by the timeout, and leave nothing behind."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, CROWD + 1000)), hard))
    with recording_server() as server, ExitStack() as stack:
        lines = (f"server s 127.0.0.1:{server.port}", "timeout http-request 12s", "maxconn 12000")
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines, mode="http"))
        before = made.resident_bytes
        clients = []
        for _ in range(CROWD):
            client = stack.enter_context(connect(made))
            client.sendall(b"G")
            clients.append(client)
        wait_for(lambda: made.stats.numbers("FRONTEND", "stot") == (CROWD,), 20.0, "all of them")
        assert made.resident_bytes - before < CROWD * 10_000
        for client in clients:
            assert rest_of(client).startswith(b"HTTP/1.1 408 ")
        made.stats.wait_until_idle()
        assert made.resident_bytes - before < CROWD * 6_000
        nothing_left(made)


def test_slow_heads_and_bodies(tmp_path: Path) -> None:
    """A byte now and then does not keep a head alive, and a body that stops is given up."""
    with recording_server() as server:
        lines = (f"server s 127.0.0.1:{server.port}", "timeout http-request 500ms", "timeout server 500ms")
        with proxy("wproxy", tmp_path, *lines, mode="http") as made, connect(made) as head, connect(made) as body:
            body.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nx")
            pause = threading.Event()
            answer = b""
            head.settimeout(0.05)
            for byte in GET * 10:
                try:
                    head.sendall(bytes([byte]))
                    answer = head.recv(4096)
                    break
                except TimeoutError:
                    pause.wait(0.05)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert rest_of(body).startswith(b"HTTP/1.1 504 ")
            nothing_left(made)


def test_a_hundred_thousand_requests_in_one_write(tmp_path: Path) -> None:
    count = 100_000
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    with (
        recording_server() as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{server.port}", mode="http") as made,
        connect(made) as client,
    ):
        before = made.resident_bytes
        writer = threading.Thread(target=client.sendall, args=(request * count,))
        writer.start()
        answered, largest, tail = 0, 0, b""
        while answered < count:
            chunk = client.recv(1 << 20)
            assert chunk
            data = tail + chunk
            answered += data.count(b"HTTP/1.1 200")
            tail = data[-len(b"HTTP/1.1 200") + 1 :]
            largest = max(largest, made.resident_bytes) if answered % 50 == 0 else largest
        writer.join()
        assert largest - before < 10 * MEGABYTE
        client.close()
        nothing_left(made)


def test_a_client_that_never_reads(tmp_path: Path) -> None:
    """A server that could say a hundred megabytes is stopped after a few."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n"
    with serving(head, b"x" * MEGABYTE) as port:
        lines = (f"server s 127.0.0.1:{port}", "timeout client 1s")
        with proxy("wproxy", tmp_path, *lines, mode="http") as made:
            before = made.resident_bytes
            clients = [connect(made) for _ in range(5)]
            for client in clients:
                client.sendall(GET)
            wait_for(lambda: made.stats.numbers("FRONTEND", "hrsp_2xx") == (5,), what="responses")
            made.stats.wait_until_idle()  # by the client's timeout
            assert made.resident_bytes - before < 20 * MEGABYTE
            for client in clients:
                client.close()


def test_a_server_that_never_reads(tmp_path: Path) -> None:
    with serving(hears=False) as port:
        lines = (f"server s 127.0.0.1:{port}", "timeout server 1s")
        with proxy("wproxy", tmp_path, *lines, mode="http") as made, connect(made) as client:
            before = made.resident_bytes
            client.settimeout(1.0)
            client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 104857600\r\n\r\n")
            sent = 0
            try:
                while sent < 104_857_600:
                    sent += client.send(b"x" * MEGABYTE)
            except (TimeoutError, ConnectionError):
                pass
            assert sent < 50 * MEGABYTE
            assert made.resident_bytes - before < 20 * MEGABYTE
            made.stats.wait_until_idle()


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100_000),
        (b"HTTP/1.1 ", b"2" * 100_000),
        (b"\r\n", b"\r\n" * 10_000),
        (b"HTTP/1.1 100 C\r\n", b"X: y\r\n" * 1000),
    ],
    ids=["fields", "a value", "a status", "empty lines", "fields of an interim response"],
)
def test_a_server_whose_head_never_ends(tmp_path: Path, head: bytes, more: bytes) -> None:
    with (
        serving(head, more) as port,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{port}", mode="http") as made,
        connect(made) as client,
    ):
        before = made.resident_bytes
        client.sendall(GET)
        assert client.recv(4096).startswith(b"HTTP/1.1 502 ")
        assert made.resident_bytes - before < 10 * MEGABYTE
        client.close()
        made.stats.wait_until_idle()


def test_interim_responses_without_end(tmp_path: Path) -> None:
    """They go to the client as fast as it takes them, and no faster; `timeout client` ends a client that does not."""
    with serving(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000) as port:
        lines = (f"server s 127.0.0.1:{port}", "timeout client 1s")
        with proxy("wproxy", tmp_path, *lines, mode="http") as made, connect(made) as client:
            before = made.resident_bytes
            client.sendall(GET)
            for _ in range(200):
                assert client.recv(65536)
            made.stats.wait_until_idle()
            assert made.resident_bytes - before < 10 * MEGABYTE


def test_servers_that_lie(tmp_path: Path) -> None:
    """A client never gets more than was announced, and learns by the end of its connection when it gets less."""
    more = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    with (
        recording_server(more) as server,
        proxy("wproxy", tmp_path, f"server s 127.0.0.1:{server.port}", mode="http") as made,
        connect(made) as client,
    ):
        for _ in range(3):
            client.sendall(GET)
            assert receive(client) == b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        client.close()
        nothing_left(made)


NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLING: tuple[bytes, ...] = (
    HEAD + b"Content-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + NEXT + b"\r\n0\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
    HEAD + b"Transfer-Encoding : chunked\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
    HEAD + b"Transfer-Encoding:\x0bchunked\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
    HEAD + b"Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding:\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding\0: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Content-Length: 0\r\n Content-Length: 31\r\n\r\n" + NEXT,
    HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef" + NEXT,
    HEAD + b"Content-Length: 5, 6\r\n\r\nabcdef" + NEXT,
    HEAD + b"Content-Length: +5\r\n\r\nabcde" + NEXT,
    HEAD + b"Content_Length: 5\r\n\r\n" + NEXT,
    HEAD + b"Connection: Content-Length\r\nContent-Length: 5\r\n\r\nabcde" + NEXT,
    HEAD + b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nabcde\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;\nabcde\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5 \r\nabcde\r\n0\r\nX: y\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n00000005\r\nabcde\r\n000\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n100000005\r\nabcde\r\n0\r\n\r\n" + NEXT,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 31\r\n\r\n" + NEXT,
    HEAD + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde" + NEXT,
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" + b"x" * 35 + NEXT,
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n" + NEXT,
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + NEXT,
    b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT,
    b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n" + NEXT,
    b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 31\r\n\r\n" + NEXT,
    GET[:-2] + b"Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n" + NEXT,
)  # fmt: skip


def requests_at(server_heard: list[bytes]) -> list[bytes]:
    """Return the first line of each whole request that a strict server finds; wrong framing shows at once."""
    found = []
    for data in server_heard:
        rest = data
        while (end := request_end(rest)) is not None:
            first = rest.partition(b"\r\n")[0]
            assert first.endswith((b" HTTP/1.1", b" HTTP/1.0")), data
            found.append(first)
            rest = rest[end:]
    return found


@pytest.mark.parametrize("order", [("wproxy", "haproxy"), ("haproxy", "wproxy")], ids=" in front of ".join)
def test_smuggling(tmp_path: Path, order: tuple[str, str]) -> None:
    """Two proxies in a row agree: as many requests reach the server as the client gets answers, or fewer."""
    front, back = order
    for folder in (tmp_path / "front", tmp_path / "back"):
        folder.mkdir()
    with recording_server(OK) as server:
        times = ("timeout client 1s", "timeout server 1s")
        line = f"server s 127.0.0.1:{server.port}"
        with proxy(back, tmp_path / "back", line, *times, mode="http") as inner:
            line = f"server s 127.0.0.1:{inner.port}"
            with proxy(front, tmp_path / "front", line, *times, mode="http") as outer:
                for data in SMUGGLING:
                    before = Counter(requests_at(server.heard()))
                    with connect(outer) as client:
                        client.sendall(data)
                        client.shutdown(socket.SHUT_WR)
                        answers = rest_of(client).count(b"HTTP/1.1 200")
                    reached = Counter(requests_at(server.heard())) - before
                    hidden = reached[b"GET /next HTTP/1.1"]
                    assert reached.total() == answers, data
                    assert hidden <= 1, data
                    assert hidden < answers or not answers, data
