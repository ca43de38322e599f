"""The PROXY protocol: HAProxy and wproxy write the same bytes and refuse the same forgeries."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import TIMEOUT_S, accept, connect, listening_socket, port_of, read_all, read_exactly
from tests.support.waiting import wait_for
from wproxy.protocols.proxy_header import Ends, parse

PROGRAMS = ["haproxy", "wproxy"]
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BLOCK = bytes([10, 9, 8, 7, 10, 0, 0, 2]) + (4000).to_bytes(2, "big") + (80).to_bytes(2, "big")


def v2(block: bytes, command: int = 0x21, family: int = 0x11, length: int | None = None) -> bytes:
    return SIGNATURE + bytes((command, family)) + (length or len(block)).to_bytes(2, "big") + block


# What a client says, and nothing else; the proxy passes the rest of the connection on, or closes it.
HEADERS = {
    "v1": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\r\n",
    "v1 with IPv6": b"PROXY TCP6 2001:db8::7 ::1 4000 80\r\n",
    "v1 unknown": b"PROXY UNKNOWN\r\n",
    "v2": v2(BLOCK),
    "v2 with IPv6": v2(bytes.fromhex("20010db8000000000000000000000007" + "00" * 15 + "01" + "0fa00050"), family=0x21),
    "v2 with additions": v2(BLOCK + b"\x04\0\x03abc" + b"\x30\0\x02ns"),
    "v2 local": v2(b"", command=0x20, family=0),
    "v2 local with addresses": v2(BLOCK, command=0x20),
    "v2 unspecified": v2(b"", family=0),
    "v2 of a unix socket": v2(bytes(216), family=0x31),
    "v2 of datagrams": v2(BLOCK, family=0x12),
    "v2 with an empty addition": v2(BLOCK + b"\x05\0\0"),
    "v2 with the right checksum": v2(BLOCK + b"\x03\0\x04" + bytes.fromhex("7a80195c")),
    "v2 with a wrong checksum": v2(BLOCK + b"\x03\0\x04abcd"),
    "v2 with a checksum that is too short": v2(BLOCK + b"\x03\0\x02ab"),
    "v2 with an addition longer than the header": v2(BLOCK + b"\x04\0\x09abc"),
    "v2 with an addition that is cut": v2(BLOCK + b"\x04\0"),
    "v2 local with an addition that is cut": v2(b"\x04\0", command=0x20, family=0),
    "v2 with IPv6 and IPv4's length": v2(BLOCK, family=0x21),
    "v2 that is longer than it says": v2(BLOCK, length=11),
    "v2 of length 0": SIGNATURE + b"\x21\x11\0\0",
    "v2 of family 4": v2(BLOCK, family=0x41),
    "v1 with a trailing space": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80 \r\n",
    "v1 with LF only": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\n",
    "v1 with CR only": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\r",
    "v1 with two spaces": b"PROXY TCP4  10.9.8.7 10.0.0.2 4000 80\r\n",
    "v1 with a tab": b"PROXY\tTCP4 10.9.8.7 10.0.0.2 4000 80\r\n",
    "v1 with a port of 0": b"PROXY TCP4 10.9.8.7 10.0.0.2 0 80\r\n",
    "v1 with a negative port": b"PROXY TCP4 10.9.8.7 10.0.0.2 -1 80\r\n",
    "v1 with a port of letters": b"PROXY TCP4 10.9.8.7 10.0.0.2 http 80\r\n",
    "v1 twice": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\r\n" * 2,
    "another protocol": b"GET / HTTP/1.1\r\n\r\n",
    "lower case": b"proxy TCP4 10.9.8.7 10.0.0.2 4000 80\r\n",
    "a family that is none": b"PROXY UDP4 10.9.8.7 10.0.0.2 4000 80\r\n",
    "too few fields": b"PROXY TCP4 10.9.8.7 10.0.0.2 4000\r\n",
    "the wrong family": b"PROXY TCP6 10.9.8.7 10.0.0.2 4000 80\r\n",
    "signature with a fault": SIGNATURE[:-1] + b"x" + v2(BLOCK)[12:],
    "another version": v2(BLOCK, command=0x31),
    "another command": v2(BLOCK, command=0x22),
    "addresses too short": v2(BLOCK[:-1]),
}


def lines(server: int) -> list[str]:
    """Return what shows by the second header who the proxy takes its client for."""
    return [f"server s 127.0.0.1:{server} send-proxy-v2"]


def told(made: Proxy, listening: socket.socket, port: int, header: bytes) -> str:
    """Return the address of the client that the server is told of, and the bytes that follow; "" when it is refused."""
    with connect(port) as client:
        local = client.getsockname()[1]
        client.sendall(header + b"hello")
        with suppress(OSError):  # it has been refused already
            client.shutdown(socket.SHUT_WR)
        ready, _, _ = select.select([listening, client], [], [], TIMEOUT_S)  # a server gets it, or the client its end
        assert ready, "neither taken nor refused"
        if listening not in ready:
            return ""
        with accept(listening) as served:
            data = read_all(served)
        found = parse(data)
        assert found is not None
        return f"{found.ends} {data[found.size :]!r}".replace(str(local), "port").replace(str(port), "here")


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_the_same_headers_are_taken_and_refused(tmp_path: Path, header: bytes) -> None:
    answers = {}
    for program in PROGRAMS:
        behind = free_port()
        with (
            listening_socket() as listening,
            proxy(program, tmp_path, f"bind 127.0.0.1:{behind} accept-proxy", *lines(port_of(listening))) as made,
        ):
            answers[program] = told(made, listening, behind, header)
            made.stats.wait_until_idle("FRONTEND", "BACKEND")
            answers[program] += str(made.stats.numbers("FRONTEND", "stot", "conn_tot", "ereq"))
    assert answers["wproxy"] == answers["haproxy"]


@pytest.mark.parametrize("keyword", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_same_bytes_are_sent(tmp_path: Path, keyword: str, host: str) -> None:
    answers = {}
    local = free_port(host)
    port = free_port(host)
    for program in PROGRAMS:
        address = f"[{host}]" if ":" in host else host
        with (
            listening_socket() as listening,
            proxy(program, tmp_path, f"bind {address}:{port}", f"server s 127.0.0.1:{port_of(listening)} {keyword}"),
            socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as client,
        ):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.settimeout(TIMEOUT_S)
            client.bind((host, local))
            client.connect((host, port))
            client.sendall(b"hello")
            with accept(listening) as served:
                client.shutdown(socket.SHUT_WR)
                answers[program] = read_all(served)
    assert answers["wproxy"] == answers["haproxy"]
    assert answers["wproxy"].endswith(b"hello")
    assert answers["wproxy"].startswith((b"PROXY TCP", SIGNATURE))


@pytest.mark.parametrize("keyword", ["send-proxy", "send-proxy-v2"])
def test_a_client_on_a_unix_socket(tmp_path: Path, keyword: str) -> None:
    answers = {}
    for program in PROGRAMS:
        path = tmp_path / f"{program}-in.sock"
        with (
            listening_socket() as listening,
            proxy(program, tmp_path, f"bind {path}", f"server s 127.0.0.1:{port_of(listening)} {keyword}"),
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client,
        ):
            client.settimeout(TIMEOUT_S)
            client.connect(str(path))
            client.sendall(b"hello")
            with accept(listening) as served:
                client.shutdown(socket.SHUT_WR)
                answers[program] = read_all(served)
    assert answers["wproxy"] == answers["haproxy"]


@pytest.mark.parametrize("keyword", ["send-proxy", "send-proxy-v2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(("front", "back"), [("haproxy", "wproxy"), ("wproxy", "haproxy"), ("wproxy", "wproxy")])
def test_two_proxies_in_a_row(tmp_path: Path, front: str, back: str, host: str, keyword: str) -> None:
    """The second one chooses by the client that the first one names, and tells its server of it."""
    (tmp_path / "front").mkdir()
    (tmp_path / "back").mkdir()
    entry, inner = free_port(host), free_port()
    address = f"[{host}]" if ":" in host else host
    with listening_socket() as listening:
        rest = f"backend told\n    server s 127.0.0.1:{port_of(listening)} {keyword}"
        rules = [
            f"bind 127.0.0.1:{inner} accept-proxy",
            f"use_backend told if {{ src {host} }} {{ dst_port {entry} }} {{ fc_rcvd_proxy }}",
        ]
        with (
            proxy(back, tmp_path / "back", *rules, rest=rest),
            proxy(front, tmp_path / "front", f"bind {address}:{entry}", f"server s 127.0.0.1:{inner} {keyword}"),
            connect(entry, host) as client,
        ):
            client.sendall(b"hello")
            with accept(listening) as served:
                expected = client.getsockname()[1]
                head = served.recv(300)
                header = parse(head)
                assert header is not None
                assert header.ends is not None
                ends: Ends = header.ends
                assert ends.source is not None
                assert ends.destination is not None
                assert (ends.source.port, ends.destination.port) == (expected, entry)
                assert head[header.size :] + read_exactly(served, 5 - len(head) + header.size) == b"hello"
                served.sendall(b"answer")
                assert read_exactly(client, 6) == b"answer"


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (b"PROXY UNKNOWN 1::1 2::2 1 2\r\n", True),  # HAProxy refuses what the protocol's text tells it to skip
        (b"PROXY TCP4 10.9.8.777 10.0.0.2 4000 80\r\n", False),  # HAProxy reads 10.9.11.9
        (b"PROXY TCP4 10.9.8.7 10.0.0.2 65536 80\r\n", False),  # and 0
        (b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 " + b"0" * 72 + b"\r\n", False),  # longer than a line may be
    ],
)
def test_where_wproxy_keeps_to_the_protocols_text(tmp_path: Path, header: bytes, taken: bool) -> None:
    behind = free_port()
    with (
        listening_socket() as listening,
        proxy("wproxy", tmp_path, f"bind 127.0.0.1:{behind} accept-proxy", *lines(port_of(listening))) as made,
    ):
        assert bool(told(made, listening, behind, header)) is taken


def test_a_header_in_pieces(tmp_path: Path) -> None:
    """HAProxy refuses these; nothing says that a network keeps a header in one piece."""
    behind = free_port()
    with (
        listening_socket() as listening,
        proxy("wproxy", tmp_path, f"bind 127.0.0.1:{behind} accept-proxy", *lines(port_of(listening))),
    ):
        for header in (HEADERS["v1"], HEADERS["v2"]):
            with connect(behind) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for byte in header + b"hello":
                    client.sendall(bytes([byte]))
                client.shutdown(socket.SHUT_WR)
                with accept(listening) as served:
                    data = read_all(served)
                assert data == v2(BLOCK) + b"hello"


@pytest.mark.parametrize("sent", [b"", b"PRO", v2(BLOCK)[:20], b"PROXY UNKNOWN " + b"x" * 50])
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_header_that_does_not_come(program: str, tmp_path: Path, sent: bytes) -> None:
    behind = free_port()
    with (
        listening_socket() as listening,
        proxy(
            program,
            tmp_path,
            "timeout client 300ms",
            f"bind 127.0.0.1:{behind} accept-proxy",
            *lines(port_of(listening)),
        ) as made,
    ):
        descriptors = made.descriptors
        with connect(behind) as client:
            client.sendall(sent)
            with suppress(ConnectionResetError):
                assert read_all(client) == b""
        made.stats.wait_until_idle("FRONTEND", "BACKEND")
        assert made.stats.numbers("FRONTEND", "scur") == (0,)
        wait_for(lambda: made.descriptors <= descriptors, what="the descriptors are given back")


@pytest.mark.parametrize("header", [b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80 and so on and on and on", v2(bytes(1000))])
def test_a_header_that_trickles_ends_by_the_clients_timeout(tmp_path: Path, header: bytes) -> None:
    """Each byte would put off a timeout that counts silence. HAProxy refuses the first piece."""
    behind = free_port()
    lines_of_case = "timeout client 500ms", f"bind 127.0.0.1:{behind} accept-proxy"
    with (
        listening_socket() as listening,
        proxy("wproxy", tmp_path, *lines_of_case, *lines(port_of(listening))) as made,
        connect(behind) as client,
    ):
        pace = Event()
        began, sent = time.monotonic(), 0
        with suppress(ConnectionResetError, BrokenPipeError):
            while sent < len(header) and not select.select([client], [], [], 0.0)[0]:
                client.sendall(header[sent : sent + 1])
                sent += 1
                pace.wait(0.05)
        assert time.monotonic() - began > 0.4
        assert sent < 40  # two seconds of this pace
        made.stats.wait_until_idle("FRONTEND", "BACKEND")


def test_a_client_that_leaves_in_its_header(tmp_path: Path) -> None:
    behind = free_port()
    with (
        listening_socket() as listening,
        proxy("wproxy", tmp_path, f"bind 127.0.0.1:{behind} accept-proxy", *lines(port_of(listening))) as made,
    ):
        descriptors = made.descriptors
        for sent in (b"", b"PROXY", v2(BLOCK)[:15]):
            with connect(behind) as client:
                client.sendall(sent)
        for sent in (b"PROXY", HEADERS["v1"]):
            with connect(behind) as client:
                client.sendall(sent)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        made.stats.wait_until_idle("FRONTEND", "BACKEND")
        wait_for(lambda: made.descriptors <= descriptors, what="the descriptors are given back")
