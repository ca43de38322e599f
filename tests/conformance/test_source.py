"""The address that servers see: that of `source`, in every mode and for checks, on HAProxy and on wproxy."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.tcp_server import accept, connect, listening_socket, port_of

BOTH = pytest.mark.parametrize("program", ["haproxy", "wproxy"])
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

SOURCES = {
    "backend": (("source 127.0.0.7", "server s {at}"), "127.0.0.7"),
    "server": (("server s {at} source 127.0.0.8",), "127.0.0.8"),
    "server before backend": (("source 127.0.0.7", "server s {at} source 127.0.0.8"), "127.0.0.8"),
    "any": (("source 127.0.0.7", "server s {at} source 0.0.0.0"), "127.0.0.1"),
    "default-server": (("default-server source 127.0.0.9", "server s {at}"), "127.0.0.9"),
    "name": (("source 127.0.0.7", "server s ipv4@localhost:{port}"), "127.0.0.7"),
}


@BOTH
@pytest.mark.parametrize("mode", ["tcp", "http"])
@pytest.mark.parametrize("name", SOURCES)
def test_connections(tmp_path: Path, program: str, mode: str, name: str) -> None:
    texts, expected = SOURCES[name]
    with listening_socket() as listening:
        port = port_of(listening)
        section = [text.format(at=f"127.0.0.1:{port}", port=port) for text in texts]
        with proxy(program, tmp_path, *section, mode=mode) as made, connect(made.port) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            with accept(listening) as served:
                assert served.getpeername()[0] == expected
                assert served.recv(65536).endswith(b"\r\n\r\n")
                served.sendall(ANSWER)
            assert client.recv(16).startswith(b"HTTP/1.1 200")


@BOTH
def test_a_fixed_port(tmp_path: Path, program: str) -> None:
    source = free_port()
    with listening_socket() as listening:
        section = f"server s 127.0.0.1:{port_of(listening)} source 127.0.0.7:{source}"
        with proxy(program, tmp_path, section) as made, connect(made.port), accept(listening) as served:
            assert served.getpeername() == ("127.0.0.7", source)


@BOTH
@pytest.mark.parametrize("words", ["check", "agent-check agent-port {port}"])
def test_checks(tmp_path: Path, program: str, words: str) -> None:
    with listening_socket() as listening:
        port = port_of(listening)
        held = "option tcp-check", "tcp-check expect string never"
        section = *held, "source 127.0.0.7", f"server s 127.0.0.1:{port} {words.format(port=port)} inter 24h"
        with proxy(program, tmp_path, *section), accept(listening) as served:
            assert served.getpeername()[0] == "127.0.0.7"


@BOTH
def test_an_address_of_another_host(tmp_path: Path, program: str) -> None:
    """It cannot be bound: the client is not served, and the error is one of connecting."""
    with listening_socket() as listening:
        section = "source 192.0.2.7", "retries 0", f"server s 127.0.0.1:{port_of(listening)}"
        with proxy(program, tmp_path, *section) as made, connect(made.port) as client:
            client.settimeout(10)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
            made.stats.wait_until_idle()
            assert made.stats.numbers("s", "econ") == (1,)
