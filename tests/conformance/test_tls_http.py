"""mode http with TLS on either side, beside HAProxy: kept connections, and names of servers that depend on clients."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.certificates import for_host
from tests.support.log_lines import steady
from tests.support.memory_tls import client_context
from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.syslog import udp_log_server
from tests.support.tcp_server import TIMEOUT_S, connect, listening_socket, port_of
from tests.support.tls import Spoken, tls_connect


@contextmanager
def named_http_server(certificate: Path) -> Iterator[int]:
    """Run a server with TLS that answers each request with the name that it was told on the connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    stop = threading.Event()
    with listening_socket() as listening:
        listening.settimeout(0.05)

        def accept_all() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    accepted, _ = listening.accept()
                    accepted.settimeout(TIMEOUT_S)
                    threading.Thread(target=_answer, args=(accepted, context), daemon=True).start()

        thread = threading.Thread(target=accept_all)
        thread.start()
        try:
            yield port_of(listening)
        finally:
            stop.set()
            thread.join()


def _answer(accepted: socket.socket, context: ssl.SSLContext) -> None:
    with accepted, suppress(OSError, ValueError):
        served = Spoken(accepted, context, server_side=True).shake_hands()
        data = b""
        while chunk := served.receive():
            data += chunk
            if data.endswith(b"\r\n\r\n"):
                body = str(served.name).encode()
                served.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
                data = b""


def ask(connection: socket.socket, path: str = "/", host: str = "a.example") -> tuple[str, dict[str, str], bytes]:
    """Send a request, return status line, headers and body of the answer."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        assert chunk, data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return status, headers, body


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return for_host("a.example", "b.example").write(tmp_path / "a.pem")


def test_clients_with_tls_and_without(certificate: Path, tmp_path: Path) -> None:
    """Several requests on kept connections, of which each proxy has one with TLS and one without."""

    def said_by(program: str) -> list[object]:
        folder = tmp_path / program
        folder.mkdir()
        port = free_port()
        context = client_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with ExitStack() as stack:
            server = stack.enter_context(named_http_server(certificate))
            lines = [
                f"bind 127.0.0.1:{port} ssl crt {certificate} alpn http/1.1",
                f"server s 127.0.0.1:{server} ssl verify none sni str(s.example) check",
            ]
            made = stack.enter_context(proxy(program, folder, *lines, mode="http"))
            plain = stack.enter_context(connect(made.port))
            secure = stack.enter_context(tls_connect(port, "a.example", context))
            told: list[object] = [secure.selected_alpn_protocol()]
            for client in (plain, secure) * 3:
                status, _, body = ask(client)
                told += [status, body]
            return told

    assert said_by("wproxy") == said_by("haproxy")


@pytest.mark.parametrize("reuse", ["never", "safe", "always"])
def test_the_clients_own_name_is_passed_on(certificate: Path, tmp_path: Path, reuse: str) -> None:
    """A connection whose server was told one name serves no request that means another."""

    def said_by(program: str) -> list[bytes]:
        folder = tmp_path / program
        folder.mkdir()
        port = free_port()
        with named_http_server(certificate) as server:
            lines = [
                f"bind 127.0.0.1:{port} ssl crt {certificate}",
                f"http-reuse {reuse}",
                f"server s 127.0.0.1:{server} ssl verify none sni ssl_fc_sni",
            ]
            with proxy(program, folder, *lines, mode="http"), ExitStack() as stack:
                names = ("a.example", "b.example", "x.example")
                clients = [stack.enter_context(tls_connect(port, name)) for name in names]
                return [ask(client)[2] for _ in range(3) for client in clients]

    assert said_by("wproxy") == said_by("haproxy") == [b"a.example", b"b.example", b"x.example"] * 3


def test_a_server_with_another_name_is_not_tried_again(certificate: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_bytes(certificate.read_bytes().partition(b"-----BEGIN PRIVATE")[0])

    def said_by(program: str) -> list[object]:
        folder = tmp_path / program
        folder.mkdir()
        with named_http_server(certificate) as server:
            line = f"server s 127.0.0.1:{server} ssl ca-file {own} sni str(other.example)"
            with proxy(program, folder, line, mode="http") as made, connect(made.port) as client:
                return [ask(client)[0], made.stats.numbers("s", "stot", "econ", "wretr")]

    assert said_by("wproxy") == said_by("haproxy")


def test_a_server_that_is_not_who_it_should_be(certificate: Path, tmp_path: Path) -> None:
    other = for_host("other.example").write_certificate(tmp_path / "other.pem")

    def said_by(program: str) -> str:
        folder = tmp_path / program
        folder.mkdir()
        with named_http_server(certificate) as server:
            line = f"server s 127.0.0.1:{server} ssl ca-file {other}"
            with proxy(program, folder, "retries 1", line, mode="http") as made, connect(made.port) as client:
                return ask(client)[0]

    assert said_by("wproxy") == said_by("haproxy")


def test_rules_that_ask_for_tls(certificate: Path, tmp_path: Path) -> None:
    """What a web server's configuration mostly says: who comes without TLS is sent to where there is."""

    def said_by(program: str) -> list[object]:
        folder = tmp_path / program
        folder.mkdir()
        port = free_port()
        with ExitStack() as stack:
            server = stack.enter_context(named_http_server(certificate))
            lines = [
                f"bind 127.0.0.1:{port} ssl crt {certificate} alpn http/1.1",
                "http-request redirect scheme https code 301 unless { ssl_fc }",
                "http-request deny if { ssl_fc_sni b.example }",
                f"server s 127.0.0.1:{server} ssl verify none sni str(s.example)",
            ]
            made = stack.enter_context(proxy(program, folder, *lines, mode="http"))
            plain = stack.enter_context(connect(made.port))
            status, headers, _ = ask(plain, "/x")
            secure = stack.enter_context(tls_connect(port, "a.example"))
            told: list[object] = [status, headers["location"]]
            for _ in range(2):
                status, _, body = ask(secure)
                told += [status, body]
            told.append(ask(stack.enter_context(tls_connect(port, "b.example")))[0])
            return told

    assert said_by("wproxy") == said_by("haproxy")


@pytest.mark.parametrize("reuse", ["never", "safe", "always"])
def test_a_name_that_depends_on_the_request(certificate: Path, tmp_path: Path, reuse: str) -> None:
    def said_by(program: str) -> list[bytes]:
        folder = tmp_path / program
        folder.mkdir()
        with named_http_server(certificate) as server:
            line = f"server s 127.0.0.1:{server} ssl verify none sni req.hdr(host)"
            with proxy(program, folder, f"http-reuse {reuse}", line, mode="http") as made, ExitStack() as stack:
                clients = [stack.enter_context(connect(made.port)) for _ in range(3)]
                hosts = ("a.example", "b.example", "a.example", "c.example", "b.example")
                return [ask(client, "/", host)[2] for host in hosts for client in clients]

    ours = said_by("wproxy")
    assert ours == said_by("haproxy")
    assert ours[:6] == [b"a.example"] * 3 + [b"b.example"] * 3


def test_a_handshake_that_fails_is_logged(certificate: Path, tmp_path: Path) -> None:
    def said_by(program: str) -> str:
        folder = tmp_path / program
        folder.mkdir()
        port = free_port()
        with udp_log_server() as log:
            lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"log {log.target} local0", "option httplog"]
            with proxy(program, folder, *lines, mode="http"), connect(port) as client:
                client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert client.recv(100) == b""
                return steady(log.wait_for("")[0]).partition("]: ")[2]

    assert said_by("wproxy") == said_by("haproxy")
