"""The letters about cookies in the log, and which server it names: the same on HAProxy and on wproxy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.test_http_persistence import ANSWER, Pair, get, section
from tests.support.echo_http import EchoServer, echo_server, http_client
from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.syslog import LogServer, udp_log_server


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in "abc"]


class Talk:
    """Asks one program and reads what it logs of it."""

    def __init__(self, pair: Pair, log: LogServer) -> None:
        self.pair = pair
        self.log = log
        self.count = 0

    def ask(self, request: bytes, answer: bytes = ANSWER) -> list[object]:
        """Return backend and server, and the termination state, of a request of a client of its own."""
        with http_client(self.pair.made.port) as self.pair.client:
            self.pair.ask(request, answer)
        self.count += 1
        line = self.log.wait_for(" HTTP/1", self.count)[-1]
        return re.findall(r" (main/\S+) .*? (\S{4}) \d+/\d+/", line)


def on_both(
    folder: Path, servers: list[EchoServer], lines: list[str], run: Callable[[Talk], list[object]]
) -> list[object]:
    """Return what `run` notes; fail where the two programs differ."""
    notes = {}
    for program in ("haproxy", "wproxy"):
        with ExitStack() as stack:
            log = stack.enter_context(udp_log_server())
            logging = [f"log {log.target} local0", "option httplog"]
            made = stack.enter_context(proxy(program, folder, *lines, *logging, mode="http"))
            client = stack.enter_context(http_client(made.port))
            notes[program] = run(Talk(Pair(made, servers, client), log))
    for number, (theirs, ours) in enumerate(zip(notes["haproxy"], notes["wproxy"], strict=True)):
        assert ours == theirs, (number, notes)
    return notes["wproxy"]


COOKIES = [(), (b"Cookie: SRV=sb",), (b"Cookie: SRV=zz",), (b"Cookie: SRV=sb; x=1",), (b"Cookie: SRV=sc|AAAAB",)]


@pytest.mark.parametrize("mode", ["insert indirect", "insert maxidle 10", "prefix", "rewrite", "", "insert preserve"])
def test_each_mode(tmp_path: Path, servers: list[EchoServer], mode: str) -> None:
    def run(talk: Talk) -> list[object]:
        return [
            talk.ask(get(*fields), ANSWER.replace(b"X-Server", extra + b"X-Server"))
            for fields in COOKIES
            for extra in (b"", b"Set-Cookie: SRV=own\r\n")
        ]

    on_both(tmp_path, servers, section(servers, f"cookie SRV {mode}"), run)


@pytest.mark.parametrize(
    "options", [[], ["option redispatch"], ["option persist"], ["option persist", "option redispatch"]]
)
def test_a_server_that_died(tmp_path: Path, servers: list[EchoServer], options: list[str]) -> None:
    lines = [
        "cookie SRV insert indirect", "retries 1", "timeout connect 100ms", *options,
        f"server d 127.0.0.1:{free_port()} cookie sd weight 0", *section(servers[:1], more=["cookie sa"]),
    ]  # fmt: skip

    def run(talk: Talk) -> list[object]:
        return [talk.ask(get(b"Cookie: " + cookie)) for cookie in (b"SRV=sa", b"SRV=sd", b"SRV=zz")]

    on_both(tmp_path, servers, lines, run)


def test_servers_in_maintenance(tmp_path: Path, servers: list[EchoServer]) -> None:
    def run(talk: Talk) -> list[object]:
        ask = talk.pair.made.stats.ask
        ask("disable server main/b")
        notes = [talk.ask(get(b"Cookie: SRV=sb")), talk.ask(get(b"Cookie: SRV=sa"))]
        ask("disable server main/a;disable server main/c")
        return [*notes, talk.ask(get(b"Cookie: SRV=sb")), talk.ask(get())]

    on_both(tmp_path, servers, section(servers, "cookie SRV insert indirect"), run)


def test_ignore_persist(tmp_path: Path, servers: list[EchoServer]) -> None:
    def run(talk: Talk) -> list[object]:
        return [talk.ask(get(*fields)) for fields in COOKIES]

    on_both(tmp_path, servers, section(servers, "cookie SRV insert", "ignore-persist if { path / }"), run)


def test_requests_that_rules_answer(tmp_path: Path, servers: list[EchoServer]) -> None:
    """The letters only: HAProxy names the server of a denied request's cookie, which was never asked."""
    lines = [
        "cookie SRV insert indirect", "http-request deny if { path /deny }",
        "http-request return status 200 content-type text/plain string hi if { path /own }",
        "http-request redirect location / if { path /moved }", "http-response deny if { status 201 }",
    ]  # fmt: skip

    def run(talk: Talk) -> list[object]:
        notes: list[object] = [
            str(talk.ask(get(*fields, path=path)))[-7:]
            for path in (b"/deny", b"/own", b"/moved")
            for fields in ((), (b"Cookie: SRV=sb",), (b"Cookie: SRV=zz",))
        ]
        return [*notes, talk.ask(get(b"Cookie: SRV=sb"), ANSWER.replace(b"200", b"201"))]

    on_both(tmp_path, servers, section(servers, *lines), run)
