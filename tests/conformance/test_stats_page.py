"""The statistics page as published guides configure it: the same answers as HAProxy's, the same csv."""

from __future__ import annotations

import csv
import http.client
import json
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
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
        """Return all that comes back; whoever has not read all of `data` may end with a reset."""
        answer = b""
        with connect(self.port) as client:
            with suppress(ConnectionResetError, BrokenPipeError):
                client.sendall(data)
            with suppress(ConnectionResetError):
                while chunk := client.recv(65536):
                    answer += chunk
        return answer


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
    names = ("www-authenticate", "refresh")
    seen = {
        name: (
            answer.status,
            [answer.headers.get(header) for header in names],
            answer.headers["cache-control"].split(",")[0],
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
    names = ('id="main"', 'id="stats"', 'id="main/Frontend"', 'id="main/a"', 'id="main/b"')
    assert [name in body for name in names] == [True] * 5
    assert '<tr id="main/b" class="maint"' in body
    assert "2.6" not in body
    assert "secret" not in body


FORMS = {
    "csv": ";csv",
    "json": ";json",
    "typed": ";typed",
    "the schema": ";json-schema",
    "json before csv": ";csv;json",
    "typed before csv": ";csv;typed;norefresh",
    "what is up": ";csv;up",
    "without maintenance": ";csv;no-maint",
    "a proxy by name": ";csv?scope=MAI",
    "proxies that are none": ";csv;scope=nobody",
    "one letter": ";csv&scope=m",
    "a search that is none": ";csv;scope=%6dain",
}


def lines_of(text: str) -> list[object]:
    """Return who a text is about and in which state: the rest changes from moment to moment."""
    if text.startswith("#"):
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        return [
            [row[name] for name in ("pxname", "svname", "status", "weight", "addr", "algo", "mode")] for row in rows
        ]
    if text.startswith("[["):
        return [[item["value"]["value"] for item in row[:2]] for row in json.loads(text)]
    if text.startswith("{"):
        return [json.loads(text)]
    return [line for line in text.splitlines() if line.split(".")[4] in ("pxname", "svname", "status", "weight", "iid")]


@pytest.mark.parametrize("words", FORMS.values(), ids=FORMS)
def test_the_same_forms_for_programs(pages: dict[str, Page], words: str) -> None:
    seen = {}
    for name, page in pages.items():
        answer = page.get(f"/haproxy?stats{words}", "admin:secret")
        kind = answer.headers["content-type"].split(";")[0]
        seen[name] = (answer.status, kind, answer.headers.get("refresh"), lines_of(answer.body))
    assert seen["wproxy"] == seen["haproxy"]


def test_addresses_are_told_with_show_legends_only(tmp_path: Path) -> None:
    seen = []
    for program in ("haproxy", "wproxy"):
        port = free_port()
        rest = PAGE.format(port=port) + "    stats show-legends\n"
        with proxy(program, tmp_path, "server a 127.0.0.1:1 disabled", rest=rest) as made:
            page = Page(made, port)
            rows = lines_of(page.get("/haproxy?stats;csv", "admin:secret").body)
            seen.append((rows, "127.0.0.1:1<" in page.get("/haproxy?stats", "admin:secret").body))
    assert seen[1][0] == seen[0][0]
    assert ["main", "a", "MAINT", "1", "127.0.0.1:1", "", "tcp"] in seen[1][0]
    assert seen[1][1]


@pytest.mark.parametrize(
    "line", ["", "stats show-node", "stats show-node rack-1", "stats show-desc", "stats show-desc My  own"]
)
def test_node_and_description(tmp_path: Path, line: str) -> None:
    """What is shown where differs; that it is shown does not."""
    seen = []
    for program in ("haproxy", "wproxy"):
        port = free_port()
        rest = f"global\n    node mynode\n    description ours\n{PAGE.format(port=port)}    {line}\n"
        with proxy(program, tmp_path, "server a 127.0.0.1:1", rest=rest) as made:
            body = Page(made, port).get("/haproxy?stats", "admin:secret").body
            seen.append([text in body for text in ("on mynode", "on rack-1", "ours", "My own")])
    assert seen[1] == seen[0]


def test_passwords_are_tried_at_a_slow_pace(tmp_path: Path) -> None:
    """HAProxy answers any number at once. Another client, and the page's other work, do not wait."""
    port = free_port()
    with proxy("wproxy", tmp_path, "server a 127.0.0.1:1", rest=PAGE.format(port=port)) as made:
        page = Page(made, port)
        line = b"Authorization: Basic " + b64encode(b"admin:no")
        wrong = b"GET /haproxy?stats HTTP/1.1\r\nConnection: close\r\n" + line + b"\r\n\r\n"
        with ExitStack() as stack:
            clients = [stack.enter_context(connect(port)) for _ in range(40)]
            for client in clients:
                client.sendall(wrong)
            begun = time.monotonic()
            heads = [read_all(client).split(b"\r\n")[0] for client in clients[-20:]]
            assert heads == [b"HTTP/1.1 429 Too Many Requests"] * 20
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S, ("127.0.0.2", 0)) as other:
                other.sendall(wrong.replace(b64encode(b"admin:no"), b64encode(b"admin:secret")))
                assert read_all(other).startswith(b"HTTP/1.1 200 ")
            assert page.get("/haproxy?stats").status == 401  # who tries no password does not wait either
            assert time.monotonic() - begun < 2.0
            # The eleven that are free have been answered; the next is held back for two seconds.
            assert read_all(clients[0]).startswith(b"HTTP/1.1 401 ")
            assert read_all(clients[11]).startswith(b"HTTP/1.1 401 ")
            assert time.monotonic() - begun > 1.0
        wait_for(lambda: made.stats.ask("show stat").count("stats,BACKEND,0,0,0,") == 1, what="all clients gone")


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


def test_requests_of_one_connection_at_any_split(pages: dict[str, Page]) -> None:
    line = b"GET /haproxy?stats;csv HTTP/1.1\r\n"
    login = b"Authorization: Basic " + b64encode(b"admin:secret") + b"\r\n\r\n"
    head = line + b"Connection: close\r\n" + login
    assert pages["wproxy"].send((line + login) * 2 + head).count(b"HTTP/1.1 200 OK") == 3
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
