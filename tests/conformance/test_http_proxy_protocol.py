"""The PROXY protocol in mode http: `accept-proxy` on a bind line, `send-proxy` and `send-proxy-v2` on a server's."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.support.http_beside import GET, OK, Act, Case, Talk, compare, report, run, says
from tests.support.http_server import recording_server
from tests.support.proxies import proxy
from tests.support.syslog import udp_log_server

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 10.9.8.7 10.0.0.2 4000 80\r\n"
V1_IPV6 = b"PROXY TCP6 2001:db8::7 2001:db8::2 4000 80\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"
V2 = SIGNATURE + bytes((0x21, 0x11, 0, 12, 10, 9, 8, 7, 10, 0, 0, 2)) + bytes.fromhex("0fa00050")
LOCAL = SIGNATURE + bytes((0x20, 0, 0, 0))
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
TELLS = (
    "option forwardfor",
    "http-request set-header ends %[src]:%[src_port]>%[dst]:%[dst_port]",
    "http-response set-header ends %[src]",
)


async def answers_each(talk: Talk) -> None:
    """Answer each request, whatever stands in front of the first."""
    count = 1
    while await talk.hear_until(b"host: a\r\n", count):
        await talk.say(OK)
        count += 1


def comes(*pieces: bytes) -> Act:
    return says(*pieces, pause_s=0.1)


def check(*cases: Case) -> None:
    """Compare what both let be seen, but for how a client ends that has got nothing: by what it has left unread."""
    differing = {
        name: (theirs, ours)
        for name, (theirs, ours) in compare(cases, times=2).items()
        if theirs.client or ours.client or theirs.servers != ours.servers
    }
    assert not differing, report(differing)


def test_clients_begin_with_a_header() -> None:
    clients = {
        "v1": says(V1 + GET + GET),
        "v1 with IPv6": says(V1_IPV6 + GET + GET),
        "v1 unknown": says(UNKNOWN + GET),
        "v2": says(V2 + GET + POST + GET),
        "v2 local": says(LOCAL + GET),
        "apart": comes(V1, GET, GET),
        "none": says(GET),
        "twice": says(V1 + V1 + GET),
        "of another version": says(V2[:12] + b"\x31" + V2[13:] + GET),
        "of no address": says(b"PROXY TCP4 10.9.8.x 10.0.0.2 4000 80\r\n" + GET),
        "and no request": says(V1 + b"junk\r\n\r\n"),
        "and half a request": says(V1 + b"GET / H"),
        "and nothing": says(V1),
        "and nothing of it": says(b""),
        "and half of it": says(V1[:12]),
    }
    lines = (*TELLS, "timeout http-request 400ms")
    check(*(Case(name, client, answers_each, lines, bind="accept-proxy") for name, client in clients.items()))


def test_a_header_in_pieces() -> None:
    """HAProxy takes a whole one only."""
    seen = run("wproxy", [Case("", comes(V2[:7], V2[7:] + GET[:5], GET[5:]), answers_each, TELLS, bind="accept-proxy")])
    assert seen[0].client.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"ends: 10.9.8.7:4000>10.0.0.2:80\r\n" in seen[0].servers[0][0]


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2"])
def test_servers_are_told(words: str) -> None:
    clients = {
        "v1": says(V1 + GET + GET),
        "v1 with IPv6": says(V1_IPV6 + GET),
        "v2": says(V2 + GET + POST + GET),
        "v2 local": says(LOCAL + GET),
        "unknown": says(UNKNOWN + GET),
    }
    lines, closing = ("http-reuse never",), ("option http-server-close",)
    check(
        *(Case(name, client, answers_each, lines, words, "accept-proxy") for name, client in clients.items()),
        Case("a client on a unix socket", says(GET + GET), answers_each, lines, words),
        Case("closed each time", says(V1 + GET + GET), answers_each, closing, words, "accept-proxy"),
        Case("a server that refuses", says(V1 + GET), answers_each, (*lines, "server dead 127.0.0.1:1", "retries 1",
             "timeout connect 100ms", "option redispatch"), words, "accept-proxy"),
    )  # fmt: skip


def test_the_address_that_a_header_tells_is_logged(tmp_path: Path) -> None:
    def logged(program: str) -> list[str]:
        with recording_server() as server, udp_log_server() as log:
            lines = (
                "bind unix@b accept-proxy",
                f"log {log.target} local0",
                'log-format "%ci:%cp %fi:%fp %ST %{+Q}r"',
                f"server s 127.0.0.1:{server.port}",
            )
            with proxy(program, tmp_path, *lines, mode="http") as made:
                for header in (V1, V2, V1_IPV6, LOCAL, UNKNOWN):
                    with socket.socket(socket.AF_UNIX) as client:
                        client.settimeout(10.0)
                        client.connect(str(tmp_path / "b"))
                        client.sendall(header + GET.replace(b"Host", b"Connection: close\r\nHost"))
                        while client.recv(4096):
                            pass
                assert made.port
                return [re.sub(r"^.*?: ", "", line) for line in log.wait_for('"GET /', 5)]

    ours = logged("wproxy")
    assert sorted(ours) == sorted(logged("haproxy"))
    assert any("10.9.8.7:4000 10.0.0.2:80" in line for line in ours)
