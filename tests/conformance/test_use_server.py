"""Servers that rules choose: HAProxy and wproxy send the same clients to the same ones, whatever state they are in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance import test_http_persistence as http
from tests.conformance.test_balance import clients_of, counted, lines
from tests.conformance.test_balance import on_both as held_on_both
from tests.conformance.test_stick import ask, on_both
from tests.support.echo_http import EchoServer, echo_server
from tests.support.holding import holding_server
from tests.support.proxies import Proxy
from tests.support.tcp_server import named_server
from tests.support.waiting import wait_for

RULES = ["use-server a if { src 127.0.0.2 }", "use-server b unless { src 127.0.0.3 127.0.0.4 }"]
SOURCES = (2, 3, 4, 5, 2, 5, 3)

STATES = {
    "ready": "set server main/a state ready",
    "drain": "set server main/a state drain",
    "maint": "set server main/a state maint",
    "no weight": "set weight main/a 0",
    "both away": "disable server main/a;disable server main/b",
    "all away": "disable server main/a;disable server main/b;disable server main/c",
}


@pytest.fixture(scope="module")
def named() -> Iterator[list[str]]:
    with ExitStack() as stack:
        yield [f"server {name} 127.0.0.1:{stack.enter_context(named_server(name))}" for name in "abc"]


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in "abc"]


@pytest.fixture(scope="module")
def holding() -> Iterator[dict[str, int]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(holding_server(name)) for name in "ab"}


def passes(command: str) -> Callable[[Proxy], list[str]]:
    """Return what asks after `command`, and then what was counted."""

    def run(made: Proxy) -> list[str]:
        made.stats.ask(command)
        found = [ask(made, source) for source in SOURCES]
        made.stats.wait_until_idle()
        return [*found, str([made.stats.numbers(name, "stot", "lbtot", "econ") for name in "abc"])]

    return run


@pytest.mark.parametrize("command", STATES.values(), ids=STATES)
@pytest.mark.parametrize(
    "more",
    [
        [],
        ["option persist"],
        ["force-persist if { src 127.0.0.2 }"],
        ["stick-table type ip size 10k", "stick on src"],
        ["option redispatch", "retries 1"],
    ],
    ids=["plain", "persist", "force", "stick", "redispatch"],
)
def test_mode_tcp(tmp_path: Path, named: list[str], command: str, more: list[str]) -> None:
    on_both(tmp_path, [*named, *RULES, *more], passes(command))


def test_who_is_bound_waits_for_its_server(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            held = clients.come(3)
            seen: list[object] = [counted(made)]
            held[0].close()
            seen += [held[1].name, counted(made, 2)]
            made.stats.ask("disable server main/a")  # who waits asks again, and the rule no longer holds for it
            return [*seen, held[2].name, counted(made)]

    section = lines(holding, "option redispatch\ntimeout queue 20s", a="maxconn 1 weight 0", b="maxconn 3")
    held_on_both(tmp_path, [*section, "use-server a if TRUE"], run)


def test_who_is_stuck_waits_for_its_server(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        with clients_of(made) as clients:
            held = clients.come(1)
            name = held[0].name
            held += clients.come(2)
            seen: list[object] = [name, counted(made)]
            held[0].close()
            wait_for(lambda: clients.numbers("BACKEND", "scur") == (2,), what="one has gone")
            return [*seen, held[1].name, counted(made)]

    table = "stick-table type ip size 10k\nstick on src"
    section = lines(holding, f"timeout queue 20s\n{table}", a="maxconn 1", b="maxconn 1")
    held_on_both(tmp_path, section, run)


COOKIES = ["cookie SRV insert", "cookie SRV prefix", "cookie SRV insert indirect maxidle 1h", "cookie SRV rewrite"]


@pytest.mark.parametrize("cookie", ["", *COOKIES])
@pytest.mark.parametrize("more", [[], ["option persist"], ["force-persist if { hdr(x-f) 1 }"]])
def test_mode_http(tmp_path: Path, servers: list[EchoServer], cookie: str, more: list[str]) -> None:
    rules = ["use-server a if { path_beg /a }", "use-server %[hdr(x-s)] if { hdr(x-s) -m found }",
             "use-server b if { path_end b }"]  # fmt: skip

    def run(pair: http.Pair) -> list[object]:
        notes: list[object] = []
        for command in ("set server main/a state ready", "set server main/a state drain", "disable server main/a"):
            pair.made.stats.ask(command)
            for fields in ((), (b"Cookie: SRV=sc",), (b"Cookie: SRV=sc~x",), (b"X-S: c",), (b"X-S: d",), (b"X-F: 1",)):
                notes += [dateless(pair.ask(http.get(*fields, path=path))) for path in (b"/a", b"/ab", b"/b", b"/c")]
        return [*notes, *(str(pair.made.stats.numbers(name, "stot", "lbtot")) for name in "abc")]

    section = http.section(servers, "balance source", *([cookie] if cookie else []), "retries 0", *rules, *more)
    http.on_both(tmp_path, servers, section, run)


def dateless(answers: object) -> str:
    """Return them as text without the time in cookies with `maxidle`, in units of four seconds."""
    return re.sub(r"(?<=SRV=s[abc]\|)[A-Za-z0-9+/]{5}", "TIME", repr(answers))


def test_a_server_that_rules_name_is_not_deleted(tmp_path: Path, named: list[str]) -> None:
    def run(made: Proxy) -> list[str]:
        return [
            made.stats.ask(command)
            for command in ("del server main/a", "disable server main/a", "del server main/a", "disable server main/c",
                            "del server main/c")
        ]  # fmt: skip

    on_both(tmp_path, [*named, *RULES], run)
