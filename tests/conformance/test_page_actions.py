"""Servers changed on the statistics page: the same forms on HAProxy and on wproxy, the same answers and effects."""

from __future__ import annotations

import csv
import http.client
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import TIMEOUT_S, connect, listening_socket, port_of, read_all
from tests.support.waiting import wait_for

REST = """\
listen stats
    bind 127.0.0.1:{port}
    mode http
    stats enable
    stats auth admin:secret
    {more}
    {admin}
backend other
    server a 127.0.0.1:{up}
    server x 127.0.0.1:{up} check inter 24h
    server y 127.0.0.1:{up} disabled
    server g 127.0.0.1:{up} agent-check agent-port {up} agent-inter 24h
"""
AUTHORIZATION = "Basic " + b64encode(b"admin:secret").decode()
PATH = "/haproxy?stats"
CHANGE = "s=a&action=maint&b=main"


class Answer(NamedTuple):
    """What came back: the status, where to go next, the text."""

    status: int
    location: str | None
    body: str


class Page(NamedTuple):
    """A running proxy and the port of its page."""

    made: Proxy
    port: int

    def ask(
        self, method: str, body: str | None = None, path: str = PATH, headers: Mapping[str, str | None] | None = None
    ) -> Answer:
        given = {"Authorization": AUTHORIZATION, "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            client.request(method, path, body, {name: value for name, value in given.items() if value is not None})
            answer = client.getresponse()
            return Answer(answer.status, answer.getheader("location"), answer.read().decode())
        finally:
            client.close()

    def post(self, body: str, path: str = PATH, headers: Mapping[str, str | None] | None = None) -> Answer:
        return self.ask("POST", body, path, headers)

    @property
    def status(self) -> dict[str, str]:
        """Return every server's status."""
        lines = self.made.stats.ask("show stat").removeprefix("# ").splitlines()
        return {
            f"{row['pxname']}/{row['svname']}": row["status"] for row in csv.DictReader(lines) if row["type"] == "2"
        }


@contextmanager
def serving(program: str, folder: Path, admin: str, up: int, more: str = "") -> Iterator[Page]:
    port = free_port()
    lines = f"server a 127.0.0.1:{up}", f"server b 127.0.0.1:{up} weight 3"
    with proxy(program, folder, *lines, rest=REST.format(port=port, admin=admin, up=up, more=more)) as made:
        yield Page(made, port)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Page]]:
    """HAProxy and wproxy with the same page."""
    with ExitStack() as stack:
        up = port_of(stack.enter_context(listening_socket()))
        folder = tmp_path_factory.mktemp("pages")
        haproxy, wproxy = (
            stack.enter_context(serving(program, folder, "stats admin if TRUE", up))
            for program in ("haproxy", "wproxy")
        )
        for page in (haproxy, wproxy):
            wait_for(lambda page=page: page.status["other/x"] == "UP", what="x checked")  # type: ignore[misc]
        yield haproxy, wproxy


FORMS = (
    "s=a&action=drain&b=main",
    "s=a&action=ready&b=%232",
    "s=a&action=ready&b=#2",
    "s=a&s=b&action=maint&b=main",
    "s=a&action=enable&b=main",
    "s=b&action=ready&b=main",
    "s=zz&action=maint&b=main",
    "s=zz&s=a&action=maint&b=main",
    "s=a&s=zz&action=maint&b=main",
    "s=zz&s=a&action=disable&b=main",
    "s=a&action=ready&b=nope",
    "b=nope",
    "action=nope",
    "s=a&action=ready&b=stats",
    "s=a&action=ready",
    "s=a&b=main",
    "s=a&action=&b=main",
    "s=&action=ready&b=main",
    "action=maint&b=main",
    "s=a&action=nope&b=main",
    "s=a&action=READY&b=main",
    "s=a&action=ready&b=main",
    "s=a&action=shutdown&b=main",
    "b=other&s=x&action=maint",
    "b=main&action=drain&s=a",
    "action=drain&s=b&b=main",
    "s=a&action=ready&b=main&s=b&action=ready",
    "b=main&s=a&action=drain&b=other&s=a&action=maint",
    "",
    "garbage",
    "s=a&action=ready&b=main&x",
    "s=%61&action=maint&b=%6dain",
    "s=a&action=ready&b=main&" + "x=y&" * 10,
    "s=a&action=maint&b=main&z=" + "x" * 20_000,
    *(
        f"s=g&action={action}&b=other"
        for action in ("adown", "arunn", "arunn", "adown", "dagent", "arunn", "adown", "dagent", "eagent", "eagent",
                       "arunn", "maint", "adown", "arunn", "ready")
    ),
    *(
        f"s={server}&action={action}&b={backend}"
        for server, backend in (("a", "main"), ("x", "other"), ("y", "other"))
        for action in (
            "ready", "drain", "maint", "dhlth", "ehlth", "hrunn", "hnolb", "hdown", "dagent", "eagent", "enable",
            "disable", "start", "shutdown", "ready", "enable", "stop", "start", "disable", "disable", "drain", "enable",
            "hdown", "ready", "hdown", "hrunn", "hrunn", "hnolb", "hnolb", "ehlth", "dhlth", "dhlth", "ehlth", "hrunn",
            "ready",
        )
    ),
)  # fmt: skip


def test_the_same_forms(pages: tuple[Page, Page]) -> None:
    """In this order, so that each finds what those before have left."""
    for form in FORMS:
        haproxys, ours = ((page.post(form), page.status) for page in pages)
        assert ours == haproxys, form[:80]


@pytest.mark.parametrize(
    "options",
    [
        ";up",
        ";no-maint;up?scope=main",
        ";up;scope=w",
        ";csv",
        ";norefresh;up",
        ";up;norefresh",
        ";st=NONE",
        ";json",
        "X",
        ";norefresh;st=DONE",
    ],
)
@pytest.mark.parametrize("more", ["", "stats refresh 5s"])
def test_what_of_the_address_is_kept(tmp_path: Path, options: str, more: str) -> None:
    seen = []
    for program in ("haproxy", "wproxy"):
        with serving(program, tmp_path, "stats admin if TRUE", 1, more) as page:
            seen.append(page.post("", PATH + options))
    assert seen[1] == seen[0]


CLIENTS: dict[str, dict[str, str | None]] = {
    "no password": {"Authorization": None},
    "a wrong password": {"Authorization": "Basic " + b64encode(b"admin:nope").decode()},
    "another type": {"Content-Type": "text/plain"},
    "no type": {"Content-Type": None},
}


@pytest.mark.parametrize("headers", CLIENTS.values(), ids=CLIENTS)
def test_the_same_clients(pages: tuple[Page, Page], headers: dict[str, str | None]) -> None:
    seen = []
    for page in pages:
        page.post("s=a&action=ready&b=main")
        seen.append((page.post(CHANGE, headers=headers), page.status["main/a"]))
    assert seen[1] == seen[0]


SENT = {
    "by another site": ({"Origin": "http://evil.example"}, "DENY"),
    "by no site": ({"Origin": "null"}, "DENY"),
    "by another site, seen by the browser": ({"Sec-Fetch-Site": "cross-site"}, "DENY"),
    "from another page": ({"Referer": "http://evil.example/haproxy?stats"}, "DENY"),
    "by the page": ({"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}, "DONE"),
    "by the page, as older browsers do": ({"Referer": "http://127.0.0.1:{port}/haproxy?stats;st=DONE"}, "DONE"),
}


@pytest.mark.parametrize(("headers", "outcome"), SENT.values(), ids=SENT)
def test_a_form_that_another_site_had_sent_is_denied(
    pages: tuple[Page, Page], headers: dict[str, str], outcome: str
) -> None:
    """HAProxy takes it."""
    page = pages[1]
    page.post("s=a&action=ready&b=main")
    given = {name: value.format(port=page.port) for name, value in headers.items()}
    assert page.post(CHANGE, headers=given).location == f"{PATH};st={outcome}"
    assert page.status["main/a"] == ("MAINT" if outcome == "DONE" else "no check")


def test_what_the_page_shows(pages: tuple[Page, Page]) -> None:
    for page in pages:
        body = page.ask("GET").body
        assert body.count('<form method="post">') == 2
        assert 'type="checkbox" name="s" value="a">' in body
        assert '<input type="hidden" name="b" value="#2">' in body
        for outcome, told in (("DONE", "Action processed successfully."), ("DENY", "Action denied.")):
            assert told in page.ask("GET", path=f"{PATH};st={outcome}").body
        assert "Action" not in page.ask("GET", path=f"{PATH};st=<b>").body.replace("Choose the action", "")


CONDITIONS = {
    "none": "",
    "FALSE": "stats admin if FALSE",
    "from elsewhere": "stats admin if {{ src 10.0.0.1 }}",
    "the second": "stats admin if FALSE\n    stats admin if LOCALHOST",
    "by name": "acl me src 127.0.0.1\n    stats admin if me",
    "unless": "stats admin unless LOCALHOST",
}


@pytest.mark.parametrize("admin", CONDITIONS.values(), ids=CONDITIONS)
def test_who_may(tmp_path: Path, admin: str) -> None:
    seen = []
    for program in ("haproxy", "wproxy"):
        with (
            listening_socket() as up,
            serving(program, tmp_path, admin.replace("{{", "{").replace("}}", "}"), port_of(up)) as page,
        ):
            answer = page.post(CHANGE)
            seen.append((answer, page.status["main/a"], '<form method="post">' in page.ask("GET").body))
    assert seen[1] == seen[0]


def test_a_form_at_any_split_and_after_an_encouragement(pages: tuple[Page, Page]) -> None:
    page = pages[1]
    page.post("s=a&action=ready&b=main")
    lines = f"Host: x\r\nConnection: close\r\nAuthorization: {AUTHORIZATION}\r\nContent-Length: {len(CHANGE)}\r\n"
    head = f"POST {PATH} HTTP/1.1\r\n{lines}"
    with connect(page.port) as client:
        for byte in f"{head}\r\n{CHANGE}".encode():
            client.sendall(bytes([byte]))
        assert b"st=DONE" in read_all(client)
    with connect(page.port) as client:
        client.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(CHANGE.replace("maint", "ready").encode())
        assert b"st=DONE" in read_all(client)
    with connect(page.port) as client:
        client.sendall(head.replace(f"Content-Length: {len(CHANGE)}", "Transfer-Encoding: chunked").encode())
        client.sendall(b"\r\n5\r\ns=a&a\r\nzz\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 400 ")
    assert page.status["main/a"] == "no check"
