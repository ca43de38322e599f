"""Cookies, tables, addresses and compression through the whole program: the bytes at both ends, beside HAProxy."""

from __future__ import annotations

import re
import socket
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.echo_http import EchoServer, HttpClient, echo_server, http_client, lines_of
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy

NAMES = "abc"


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in NAMES]


@dataclass
class Pair:
    """One program in front of the servers."""

    made: Proxy
    servers: list[EchoServer]
    client: HttpClient

    def ask(self, request: bytes, answer: bytes | None = None) -> list[object]:
        """Return who got the request, as which lines, and what the client got."""
        for server in self.servers:
            server.requests.clear()
            if answer is not None:
                server.answer = answer
        response = self.client.ask(request)
        got = [(server.name, lines_of(each)) for server in self.servers for each in server.requests]
        return [got, lines_of(response), response.partition(b"\r\n\r\n")[2]]


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Server: %s\r\n\r\nok"


def get(*fields: bytes, path: bytes = b"/", method: bytes = b"GET", minor: int = 1) -> bytes:
    lines = b"".join([b"%b\r\n" % field for field in fields])
    return b"%b %b HTTP/1.%d\r\nHost: x\r\n%b\r\n" % (method, path, minor, lines)


COOKIES = ("cookie sa", "cookie sb", "cookie sc")


def section(servers: Sequence[EchoServer], *lines: str, more: Sequence[str] = COOKIES) -> list[str]:
    return [
        *lines,
        *(f"server {each.name} 127.0.0.1:{each.port} {text}" for each, text in zip(servers, more, strict=True)),
    ]


def on_both(
    folder: Path,
    servers: list[EchoServer],
    lines: Sequence[str],
    run: Callable[[Pair], list[object]],
    rest: str = "",
    source: str = "127.0.0.1",
) -> list[object]:
    """Return what `run` notes; fail where the two programs differ."""
    notes = {}
    for program in ("haproxy", "wproxy"):
        for server in servers:
            server.answer = ANSWER
        with proxy(program, folder, *lines, mode="http", rest=rest) as made, http_client(made.port, source) as client:
            notes[program] = run(Pair(made, servers, client))
    for number, (theirs, ours) in enumerate(zip(notes["haproxy"], notes["wproxy"], strict=True)):
        assert ours == theirs, number
    return notes["wproxy"]


@pytest.mark.parametrize(
    "mode", ["insert", "insert indirect nocache", "insert preserve", "prefix", "rewrite", "insert indirect postonly"]
)
def test_cookies(tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        cookies = [
            (), (b"Cookie: SRV=sb",), (b"Cookie: a=1; SRV=sc; b=2",), (b"Cookie: SRV=zz",), (b"Cookie: SRV=sb~x",),
        ]  # fmt: skip
        for cookie in cookies:
            for extra in (b"", b"Set-Cookie: SRV=own; Path=/\r\n", b'ETag: "x"\r\n'):
                answer = ANSWER.replace(b"X-Server", extra + b"X-Server")
                notes.append(pair.ask(get(*cookie), answer))
                notes.append(pair.ask(get(*cookie, b"Content-Length: 0", method=b"POST"), answer))
        notes.append([pair.made.stats.numbers(name, "stot", "lbtot") for name in NAMES])
        return notes

    on_both(tmp_path, servers, section(servers, f"cookie SRV {mode}"), run)


def test_a_server_that_goes_and_one_that_comes(tmp_path: Path, servers: list[EchoServer]) -> None:
    def run(pair: Pair) -> list[object]:
        ask = pair.made.stats.ask
        notes = [pair.ask(get(b"Cookie: SRV=sb"))]
        ask("disable server main/b")
        notes += [pair.ask(get(b"Cookie: SRV=sb")), pair.ask(get(b"Cookie: SRV=sb; x=1"))]
        ask("enable server main/b")
        ask("set server main/b state drain")
        notes += [pair.ask(get(b"Cookie: SRV=sb")), pair.ask(get(b"Cookie: SRV=sa"))]
        ask("set server main/b state ready")
        port = servers[0].port
        refused = ask(f"add server main/d 127.0.0.1:{port} cookie sd")
        ask(f"add server main/d 127.0.0.1:{port};enable server main/d")
        ask("disable server main/a;disable server main/b;disable server main/c")
        return [*notes, refused, pair.ask(get(b"Cookie: SRV=sd")), pair.ask(get(b"Cookie: SRV=sa"))]

    on_both(tmp_path, servers, section(servers, "cookie SRV insert indirect"), run)


@pytest.mark.parametrize(
    "options", [[], ["option redispatch"], ["option persist"], ["option persist", "option redispatch"]]
)
def test_a_server_that_died(tmp_path: Path, servers: list[EchoServer], options: list[str]) -> None:
    dead = free_port()
    lines = [
        "cookie SRV insert indirect", "retries 1", "timeout connect 100ms", *options,
        f"server d 127.0.0.1:{dead} cookie sd weight 0", *section(servers[:1], more=["cookie sa"]),
    ]  # fmt: skip

    def run(pair: Pair) -> list[object]:
        notes = [pair.ask(get(b"Cookie: SRV=sa")), pair.ask(get(b"Cookie: SRV=sd"))]
        return [*notes, pair.made.stats.numbers("BACKEND", "wretr", "wredis", "econ")]

    on_both(tmp_path, servers, lines, run)


TABLES = {
    "addresses": ["stick-table type ip size 1k", "stick on src"],
    "texts": ["stick-table type string len 4 size 1k", "stick on src"],
    "two rules, one table": [
        "stick-table type ip size 1k",
        "stick store-request src",
        "stick store-request dst",
        "stick match dst",
    ],
    "stored only": ["stick-table type ip size 1k", "stick store-request src"],
    "of the response": ["stick-table type integer size 1k", "stick store-response dst_port", "stick match dst_port"],
    "with a cookie": ["stick-table type ip size 1k", "stick on src", "cookie SRV insert indirect"],
}


@pytest.mark.parametrize("lines", TABLES.values(), ids=TABLES)
def test_tables(tmp_path: Path, servers: list[EchoServer], lines: list[str]) -> None:
    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        pair.client.close()
        for last in (2, 3, 2, 4, 3, 2):
            with http_client(pair.made.port, f"127.0.0.{last}") as pair.client:
                notes.append(pair.ask(get()))
                notes.append(pair.ask(get(b"Cookie: SRV=sb")))
        pair.made.stats.wait_until_idle()
        shown = re.sub(r"(?m)^0x[0-9a-f]+|exp=\d+|key=\d+ (?=use)", "_", pair.made.stats.ask("show table main"))
        head, *entries = shown.split("\n")
        return [*notes, [head, *sorted(entries)]]

    on_both(tmp_path, servers, section(servers, *lines), run)


FORWARDING = {
    "both": ("option forwardfor\noption originalto", ""),
    "except": ("option forwardfor except 127.0.0.0/8", ""),
    "except another": ("option forwardfor except 10.0.0.0/8", ""),
    "except IPv6": ("option forwardfor except ::1", ""),
    "a name": ("option forwardfor header X-Client\noption originalto header X-Server", ""),
    "if none": ("option forwardfor if-none", ""),
    "frontend's name, backend's default": ("option forwardfor header X-Front", "option forwardfor"),
    "backend's name": ("option forwardfor", "option forwardfor header X-Back"),
    "backend only": ("", "option forwardfor header X-Back if-none"),
    "frontend if none, backend always": ("option forwardfor if-none", "option forwardfor"),
    "both if none": ("option forwardfor if-none", "option forwardfor if-none"),
    "frontend excepts": ("option forwardfor except 127.0.0.2", "option forwardfor"),
    "backend excepts": ("option forwardfor", "option forwardfor except 127.0.0.2"),
    "sends its name": ("", "http-send-name-header X-Name\noption forwardfor"),
}


FORGED = [
    (), (b"X-Forwarded-For: 1.2.3.4",), (b"X-Forwarded-For:",), (b"X-Front: a", b"X-Back: b"),
    (b"x-name: forged", b"X-Last: 1"), (b"X-Client: 1, 2", b"X-Original-To: 3"),
]  # fmt: skip


@pytest.mark.parametrize(("front", "back"), FORWARDING.values(), ids=FORWARDING)
def test_addresses(tmp_path: Path, servers: list[EchoServer], front: str, back: str) -> None:
    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        for source in ("127.0.0.1", "127.0.0.2"):
            with http_client(pair.made.port, source) as pair.client:
                notes += [pair.ask(get(*fields)) for fields in FORGED]
        return notes

    lines = ["default_backend back", *front.split("\n")]
    rest = "\n    ".join(["backend back", *section(servers, *back.split("\n"))])
    on_both(tmp_path, servers, lines, run, rest=rest)


def body_of(note: object) -> object:
    """Return an answer with its body as the client sees it, whichever way it was compressed and cut into chunks."""
    assert isinstance(note, list)
    got, head, body = note
    if b"transfer-encoding: chunked" in head:
        body = unchunked(body)
    if b"content-encoding: gzip" in head:
        body = zlib.decompress(body, 31)
    elif b"content-encoding: deflate" in head:
        body = zlib.decompress(body, 15 if body[:1] in (b"x", b"X", b"h", b"8", b"H", b"(") else -15)
    return [got, head, body]


def unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    while True:
        size, _, body = body.partition(b"\r\n")
        if not int(size, 16):
            assert body == b"\r\n"
            return b"".join(parts)
        parts.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]


TEXT = b"hello world, " * 50


def page(*fields: bytes, status: bytes = b"200 OK", minor: int = 1, chunked: bool = False, text: bytes = TEXT) -> bytes:
    lines = b"".join([b"%b\r\n" % field for field in fields])
    if chunked:
        half = len(text) // 2
        cut = b"".join([b"%x;x=y\r\n%b\r\n" % (len(part), part) for part in (text[:half], text[half:]) if part])
        lines += b"Transfer-Encoding: chunked\r\nX-End: 1\r\n"
        return b"HTTP/1.%d %b\r\n%b\r\n%b0\r\n\r\n" % (minor, status, lines, cut)
    return b"HTTP/1.%d %b\r\nContent-Length: %d\r\n%bX-End: 1\r\n\r\n%b" % (minor, status, len(text), lines, text)


ACCEPTED = [
    None, b"gzip", b"deflate", b"deflate, gzip", b"gzip, deflate", b"gzip;q=0", b"gzip;q=0.5, deflate;q=0.8", b"*",
    b"*;q=0", b"identity", b"br", b"GZIP", b"x-gzip", b"gzip;q=0.5, deflate", b"gzip ; q=0.0, deflate;q=0.001", b"",
    b"gzip;q=abc", b"br, *", b"*;q=0.5, gzip;q=0", b"gzip;foo=1;q=0.3,deflate;q=0.4", b"gzip;q=1.5, deflate",
    b"gzipx", b"gzip x;q=0", b"gzip;Q=0", b"gzip;q=0.0005", b",gzip", b"deflate;q=0.1, gzip;q=0.10", b"*x",
    b"gzip; q =0", b"gzip;q= 0",
]  # fmt: skip

ALGORITHMS = [
    "compression algo gzip", "compression algo gzip deflate", "compression algo deflate gzip raw-deflate",
    "compression algo identity", "compression algo gzip identity", "compression algo gzip\ncompression offload",
    "compression type text/html", "compression algo raw-deflate\ncompression algo gzip",
]  # fmt: skip


@pytest.mark.parametrize("lines", ALGORITHMS, ids=lambda lines: lines.replace("\n", ", "))
def test_what_clients_accept(tmp_path: Path, servers: list[EchoServer], lines: str) -> None:
    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        for accepted in ACCEPTED:
            fields = () if accepted is None else (b"Accept-Encoding: " + accepted, b"X-A: b")
            notes.append(body_of(pair.ask(get(*fields), page(b"Content-Type: text/html"))))
        notes.append(body_of(pair.ask(get(b"Accept-Encoding: br", b"Accept-Encoding: gzip"), page())))
        return [*notes, *counted(pair)]

    on_both(tmp_path, servers, section(servers, *lines.split("\n")), run)


def counted(pair: Pair) -> list[object]:
    """Return what statistics count; how small things become depends on who compresses."""
    columns = ("comp_in", "comp_byp", "comp_rsp")
    pair.client.close()
    pair.made.stats.wait_until_idle()
    return [pair.made.stats.numbers(name, *columns) for name in ("FRONTEND", "BACKEND")]


def without_ends_of_chunks(notes: list[object], chunked: int) -> list[object]:
    """Take from what HAProxy counts as compressed the one byte for the end of each chunked body."""
    *others, front, back = notes
    assert isinstance(front, tuple)
    assert isinstance(back, tuple)
    return [*others, *((numbers[0] - chunked, *numbers[1:]) for numbers in (front, back))]


KINDS = [
    (), (b"Content-Type: text/html; charset=x",), (b"Content-Type: TEXT/HTML",), (b"Content-Type: text/htmlx",),
    (b"Content-Type: text/plain",), (b"Content-Type: application/json",), (b"Content-Type: text/plain, text/html",),
    (b"Content-Type: multipart/x",), (b"Content-Type: MULTIPART",), (b"Content-Type:",),
    (b"Content-Type: text/html", b"Content-Type: multipart/x"),
    (b"Content-Type: image/png", b"Content-Type: text/html"), (b"Content-Type: text/html", b"Content-Encoding: br"),
    (b"Content-Type: text/html", b"Content-Encoding:"),
]  # fmt: skip
FIELDS = [
    (b"Cache-Control: no-transform",), (b"Cache-Control: public, No-Transform",),
    (b"Cache-Control: no-transform=1",), (b'ETag: "abc"',), (b'ETag: W/"abc"',), (b"ETag: abc",),
    (b'ETag: "a"', b'ETag: "b"'), (b'ETag: "abc',), (b'ETag: "a"b"',), (b'ETag: w/"a"',), (b'ETag: "',),
    (b'ETag: ""',), (b"ETag:",), (b"Vary: Cookie",), (b"Vary: *",), (b"Vary: Accept-Encoding",),
    (b"Accept-Ranges: bytes",), (b"Set-Cookie: a=b",), (b"Connection: close",),
]  # fmt: skip
AGENTS = [
    b"Mozilla/4.0 (compatible; MSIE 6.0; Windows)", b"Mozilla/4.0 (compatible; MSIE 7.0; Windows)", b"Mozilla/5.0",
    b"Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", b"Mozilla/4.08",
    b"Mozilla/4.0 (compatible; MSIE 10.0)", b"Mozilla/4", b"Mozilla/4.0 (compatible; MSIE 9.0)",
]  # fmt: skip


@pytest.mark.parametrize("lines", ["", "compression type text/html application/json", "cookie SRV insert nocache"])
def test_which_responses_are_compressed(tmp_path: Path, servers: list[EchoServer], lines: str) -> None:
    asks = get(b"Accept-Encoding: gzip")

    def run(pair: Pair) -> list[object]:
        notes = [pair.ask(asks, page(*fields)) for fields in (*KINDS, *FIELDS)]
        html = b"Content-Type: text/html"
        statuses = (b"200 OK", b"201 x", b"202 x", b"203 x", b"206 x", b"301 x", b"404 x", b"500 x")
        notes += [pair.ask(asks, page(html, status=status)) for status in statuses]
        for text in (b"", b"x", TEXT * 400):
            notes.append(pair.ask(asks, page(html, text=text)))
            notes.append(pair.ask(asks, page(html, text=text, chunked=True)))
        notes.append(pair.ask(get(b"Accept-Encoding: gzip", method=b"HEAD"), page(html)))
        notes.append(pair.ask(get(b"Accept-Encoding: gzip", b"Content-Length: 0", method=b"POST"), page(html)))
        notes.append(pair.ask(asks, page(html, minor=0)))
        for agent in AGENTS:
            request = get(b"Accept-Encoding: gzip", b"User-Agent: " + agent)
            notes.append(pair.ask(request, page(html)))
        counts = [*map(body_of, notes), *counted(pair)]
        return without_ends_of_chunks(counts, 3) if pair.made.program == "haproxy" else counts

    on_both(tmp_path, servers, section(servers, "compression algo gzip", *lines.split("\n")), run)


@pytest.mark.parametrize(
    ("front", "back"),
    [("compression algo gzip", "compression algo deflate"), ("compression algo gzip", "compression type text/plain"),
     ("compression offload", "compression algo gzip"), ("compression type text/html", "compression algo gzip")],
)  # fmt: skip
def test_frontend_and_backend_compress(tmp_path: Path, servers: list[EchoServer], front: str, back: str) -> None:
    def run(pair: Pair) -> list[object]:
        return [
            body_of(pair.ask(get(b"Accept-Encoding: " + accepted), page(b"Content-Type: " + kind)))
            for accepted in (b"gzip", b"deflate", b"*")
            for kind in (b"text/html", b"text/plain")
        ]

    rest = "\n    ".join(["backend back", *section(servers, back)])
    on_both(tmp_path, servers, ["default_backend back", front], run, rest=rest)


def test_the_shares_of_hashes_through_the_program(tmp_path: Path, servers: list[EchoServer]) -> None:
    for balance in ("uri", "url_param id", "hdr(x-key)", "source"):
        lines = section(servers, f"balance {balance}", "hash-type consistent wt6")

        def run(pair: Pair) -> list[object]:
            return [pair.ask(get(b"X-Key: %d" % number, path=b"/%d?id=%d" % (number, number))) for number in range(60)]

        on_both(tmp_path, servers, lines, run)


def test_a_stream_is_compressed_as_it_comes(tmp_path: Path) -> None:
    """What a server has sent reaches the client before the next part is there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        lines = ["compression algo gzip", f"server a 127.0.0.1:{port}"]
        for program in ("haproxy", "wproxy"):
            with proxy(program, tmp_path, *lines, mode="http") as made, http_client(made.port) as client:
                client.connection.sendall(get(b"Accept-Encoding: gzip"))
                server, _ = listening.accept()
                with server:
                    server.recv(65536)
                    server.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    unzip = zlib.decompressobj(31)
                    client.connection.settimeout(10.0)
                    data = b""
                    while b"\r\n\r\n" not in data:
                        data += client.connection.recv(65536)
                    for part in (b"one", b"two", b"three"):
                        server.sendall(b"%x\r\n%b\r\n" % (len(part), part))
                        data, text = b"", b""
                        while text != part:
                            data += client.connection.recv(65536)
                            if program == "haproxy":  # keeps the last bits until it knows what follows
                                break
                            size, _, chunk = data.partition(b"\r\n")
                            if len(chunk) == int(size, 16) + 2:
                                text = unzip.decompress(chunk[:-2])
                    server.sendall(b"0\r\n\r\n")
