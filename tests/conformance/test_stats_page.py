"""The statistics page as published guides configure it: the same answers as HAProxy's, the same csv."""

from __future__ import annotations

import csv
import http.client
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import TIMEOUT_S, connect, named_server, read_all
from tests.support.waiting import wait_for

PAGE = """\
listen stats
    bind 127.0.0.1:{port}
    mode http
    option forwardfor
    option http-server-close
    option httplog
    stats enable
    stats hide-version
    stats refresh 30s
    stats realm Haproxy\\ Statistics
    stats uri /haproxy?stats
    stats auth admin:secret
    stats auth ops:a:b
    stats admin if TRUE
"""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str


class Page(NamedTuple):
    """A running proxy and the port of its page."""

    made: Proxy
    port: int

    def get(self, path: str, user: str | None = None, method: str = "GET") -> Answer:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            headers = {} if user is None else {"Authorization": "Basic " + b64encode(user.encode()).decode()}
            client.request(method, path, headers=headers)
            answer = client.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, answer.read().decode())
        finally:
            client.close()

    def send(self, data: bytes) -> bytes:
        try:
            with connect(self.port) as client:
                client.sendall(data)
                return read_all(client)
        except (ConnectionResetError, BrokenPipeError):
            return b""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Page]]:
    """Both programs with the same page; one of their servers is down."""
    folder, one, two = tmp_path_factory.mktemp("page"), free_port(), free_port()
    with named_server("a") as a:
        lines = f"server a 127.0.0.1:{a} weight 30", "server b 127.0.0.1:1 disabled"
        with (
            proxy("haproxy", folder, *lines, rest=PAGE.format(port=one)) as haproxy,
            proxy("wproxy", folder, *lines, rest=PAGE.format(port=two)) as wproxy,
        ):
            yield {"haproxy": Page(haproxy, one), "wproxy": Page(wproxy, two)}


REQUESTS = {
    "no password": ("/haproxy?stats", None),
    "the wrong password": ("/haproxy?stats", "admin:secre"),
    "another user": ("/haproxy?stats", "root:secret"),
    "a user without password": ("/haproxy?stats", "admin"),
    "the right password": ("/haproxy?stats", "admin:secret"),
    "the second user": ("/haproxy?stats", "ops:a:b"),
    "csv": ("/haproxy?stats;csv", "admin:secret"),
    "csv without password": ("/haproxy?stats;csv", None),
    "without refresh": ("/haproxy?stats;norefresh", "admin:secret"),
    "another page": ("/", "admin:secret"),
    "the beginning only": ("/haproxy", "admin:secret"),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_same_answers(pages: dict[str, Page], request_: tuple[str, str | None], method: str) -> None:
    path, user = request_
    answers = {name: page.get(path, user, method) for name, page in pages.items()}
    names = ("www-authenticate", "refresh", "cache-control")
    seen = {
        name: (
            answer.status,
            [answer.headers.get(header) for header in names],
            answer.headers["content-type"].split(";")[0],
            answer.body if answer.status != 200 else bool(answer.body),
        )
        for name, answer in answers.items()
    }
    assert seen["wproxy"] == seen["haproxy"]


def test_the_csv_is_that_of_the_stats_socket(pages: dict[str, Page]) -> None:
    tables = {}
    for name, page in pages.items():
        rows = csv.DictReader(page.get("/haproxy?stats;csv", "admin:secret").body.removeprefix("# ").splitlines())
        tables[name] = [[row[column] for column in ("pxname", "svname", "status", "weight", "type")] for row in rows]
    assert tables["wproxy"] == tables["haproxy"]
    assert ["main", "b", "MAINT", "1", "2"] in tables["wproxy"]


def test_the_page_shows_every_line_and_no_version(pages: dict[str, Page]) -> None:
    body = pages["wproxy"].get("/haproxy?stats", "admin:secret").body
    assert [name in body for name in ('id="main"', 'id="stats"', "<th>FRONTEND</th>", "<th>a</th>", "<th>b</th>")] == [
        True
    ] * 5
    assert '<tr class="maint"><td><input type="checkbox" name="s" value="b"></td><th>b</th>' in body
    assert "2.6" not in body
    assert "secret" not in body


BAD = {
    "garbage": b"GARBAGE\r\n\r\n",
    "a head that does not end": b"GET / HTTP/1.1\r\nx: " + b"y" * 20_000,
    "a bad header": b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_request_is_refused(pages: dict[str, Page], data: bytes) -> None:
    heads = {name: page.send(data).split(b"\r\n")[0] for name, page in pages.items()}
    assert heads["wproxy"].startswith(b"HTTP/1.1 400 ")
    assert heads["haproxy"].startswith(b"HTTP/1.1 400 ")


def test_one_request_a_connection_at_any_split(pages: dict[str, Page]) -> None:
    head = b"GET /haproxy?stats;csv HTTP/1.1\r\nAuthorization: Basic " + b64encode(b"admin:secret") + b"\r\n\r\n"
    assert pages["wproxy"].send(head * 3).count(b"HTTP/1.1 200 OK") == 1
    with connect(pages["wproxy"].port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head:
            client.sendall(bytes([byte]))
        assert read_all(client).startswith(b"HTTP/1.1 200 OK")


def test_http_2_is_not_spoken(pages: dict[str, Page]) -> None:
    assert pages["wproxy"].send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_do_nothing(pages: dict[str, Page], method: str) -> None:
    assert pages["wproxy"].get("/haproxy?stats", "admin:secret", method).status == 405


def test_nothing_is_left(pages: dict[str, Page]) -> None:
    made = pages["wproxy"].made
    pages["wproxy"].get("/haproxy?stats", "admin:secret")
    descriptors = made.descriptors
    for _ in range(20):
        pages["wproxy"].get("/haproxy?stats", "admin:secret")
    with connect(pages["wproxy"].port) as client:
        client.sendall(b"GET /hap")
    wait_for(lambda: made.descriptors <= descriptors, what="all descriptors given back")
    assert "secret" not in made.log


def test_a_client_that_says_nothing_is_dropped(tmp_path: Path) -> None:
    for program in ("haproxy", "wproxy"):
        port = free_port()
        rest = PAGE.format(port=port) + "    timeout client 300ms\n"
        with proxy(program, tmp_path, "server a 127.0.0.1:1", rest=rest), connect(port) as client:
            client.sendall(b"GET /ha")
            read_all(client)


def test_rules_turn_clients_of_the_page_away(tmp_path: Path) -> None:
    for program in ("haproxy", "wproxy"):
        port = free_port()
        rest = PAGE.format(port=port) + "    tcp-request connection reject unless { src 127.0.0.2 }\n"
        with proxy(program, tmp_path, "server a 127.0.0.1:1", rest=rest) as made:
            assert Page(made, port).send(b"GET / HTTP/1.1\r\n\r\n") == b""
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S, ("127.0.0.2", 0)) as client:
                client.sendall(b"GET /haproxy?stats HTTP/1.1\r\nhost: x\r\n\r\n")
                assert client.recv(12) == b"HTTP/1.1 401"
