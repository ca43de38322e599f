"""Clients that stay on their server: HAProxy and wproxy send them to the same ones and show the same tables."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import TIMEOUT_S, named_server, read_all
from tests.support.waiting import wait_for

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def servers() -> Iterator[list[str]]:
    """Three servers that say their names."""
    with ExitStack() as stack:
        yield [f"server {name} 127.0.0.1:{stack.enter_context(named_server(name))}" for name in NAMES]


def ask(made: Proxy, source: int) -> str:
    """Return the server at which client number `source` ends, "" for none."""
    try:
        with socket.create_connection(("127.0.0.1", made.port), TIMEOUT_S, (f"127.0.0.{source}", 0)) as client:
            return read_all(client).decode()
    except ConnectionResetError:
        return ""


def shown(made: Proxy, command: str = "show table main") -> str:
    """Return the table without what is never the same: addresses in memory, times, the order of entries."""
    made.stats.wait_until_idle()  # HAProxy counts the entry that a session may still store
    text = re.sub(r"(?m)^0x[0-9a-f]+|exp=\d+", "_", made.stats.ask(command))
    head, *lines = text.split("\n")
    return "\n".join([head, *sorted(lines)])


def on_both(folder: Path, lines: list[str], run: Callable[[Proxy], list[str]], rest: str = "") -> list[str]:
    """Return what `run` notes; fail when the two programs differ."""
    answers = {}
    for program in ("haproxy", "wproxy"):
        with proxy(program, folder, *lines, rest=rest) as made:
            answers[program] = run(made)
    assert answers["wproxy"] == answers["haproxy"]
    return answers["wproxy"]


TABLES = {
    "addresses": ["stick-table type ip size 10k expire 30s", "stick on src"],
    "addresses as IPv6": ["stick-table type ipv6 size 10k expire 30s", "stick on src"],
    "addresses as texts": ["stick-table type string len 20 size 10k expire 30s", "stick on src"],
    "addresses cut short": ["stick-table type string len 7 size 10k expire 30s", "stick on src"],
    "addresses as numbers": ["stick-table type integer size 10k expire 30s", "stick on src"],
    "two halves": ["stick-table type ip size 10k expire 30s", "stick match src", "stick store-request src"],
    "stored, not matched": ["stick-table type ip size 10k expire 30s", "stick store-request src"],
    "matched, not stored": ["stick-table type ip size 10k expire 30s", "stick match src"],
    "some clients only": ["stick-table type ip size 10k expire 30s", "stick on src if { src 127.0.0.2 127.0.0.4 }"],
    "not the second": ["stick-table type ip size 10k expire 30s", "acl x src 127.0.0.3", "stick on src unless x"],
    "one server for all": ["stick-table type ip size 10k expire 30s", "stick on dst"],
    "another section's": ["stick on src table other"],
}


@pytest.mark.parametrize("lines", TABLES.values(), ids=TABLES)
def test_clients_come_back_to_the_same_servers(tmp_path: Path, servers: list[str], lines: list[str]) -> None:
    name = "other" if "other" in lines[0] else "main"

    def run(made: Proxy) -> list[str]:
        answers = [ask(made, source) for source in (2, 3, 4, 5, 2, 2, 3, 4, 5, 3)]
        return [
            *answers,
            shown(made, f"show table {name}"),
            made.stats.ask("show table"),
            str([made.stats.numbers(name, "stot", "lbtot") for name in NAMES]),
        ]

    rest = "backend other\n    stick-table type ip size 1k expire 10s"
    on_both(tmp_path, [*servers, *lines], run, rest)


STICKY = ["stick-table type ip size 10k expire 30s", "stick on src"]


@pytest.mark.parametrize("state", ["maint", "drain"])
@pytest.mark.parametrize("option", ["no option redispatch", "option redispatch"])
def test_a_server_that_is_taken_out(tmp_path: Path, servers: list[str], state: str, option: str) -> None:
    def run(made: Proxy) -> list[str]:
        first = [ask(made, source) for source in (2, 3, 4)]
        made.stats.ask(f"set server main/a state {state}")
        second = [ask(made, source) for source in (2, 3, 4)]
        made.stats.ask("set server main/a state ready")
        return [*first, *second, *(ask(made, source) for source in (2, 3, 4)), shown(made)]

    answers = on_both(tmp_path, [*servers, *STICKY, option], run)
    assert (answers[3] == "a") is (state == "drain")


def test_weight_zero_keeps_its_clients(tmp_path: Path, servers: list[str]) -> None:
    def run(made: Proxy) -> list[str]:
        first = [ask(made, source) for source in (2, 3, 4)]
        made.stats.ask("set weight main/a 0")
        return [*first, *(ask(made, source) for source in (2, 3, 4, 5, 6))]

    on_both(tmp_path, [*servers, *STICKY], run)


@pytest.mark.parametrize(
    "options", [[], ["option redispatch"], ["option persist"], ["option persist", "option redispatch"]]
)
def test_a_server_that_died(tmp_path: Path, options: list[str]) -> None:
    """Nobody has noticed yet: without redispatch the client is not served, with it the last retry goes elsewhere."""
    with named_server("b") as b:

        def run(made: Proxy) -> list[str]:
            with named_server("a", dying):
                before = ask(made, 2)
            after = [ask(made, 2), ask(made, 2)]
            return [before, *after, shown(made), str(made.stats.numbers("BACKEND", "wretr", "wredis", "econ"))]

        dying = free_port()
        lines = [f"server a 127.0.0.1:{dying}", f"server b 127.0.0.1:{b}", "retries 1", "timeout connect 100ms"]
        answers = on_both(tmp_path, [*lines, *STICKY, *options], run)
    assert answers[0] == "a"
    assert answers[1] == ("b" if "option redispatch" in options else "")


@pytest.mark.parametrize("persist", [True, False])
def test_a_server_that_is_known_to_be_down(tmp_path: Path, persist: bool) -> None:
    check = "check inter 100ms fall 1 rise 1"
    for program in ("haproxy", "wproxy"):
        with named_server("b") as b, ExitStack() as life:
            a = life.enter_context(named_server("a"))
            lines = [f"server a 127.0.0.1:{a} {check}", f"server b 127.0.0.1:{b}", "retries 0", *STICKY]
            with proxy(program, tmp_path, *lines, *(["option persist"] if persist else [])) as made:
                before = ask(made, 2)
                life.close()
                made.stats.wait_for_status("a", "DOWN")
                assert [before, ask(made, 2), ask(made, 3)] == ["a", "" if persist else "b", "b"], program


def test_a_server_that_nobody_sticks_to(tmp_path: Path, servers: list[str]) -> None:
    lines = [f"{servers[0]} non-stick", servers[1], *STICKY]
    on_both(tmp_path, lines, lambda made: [*(ask(made, source) for source in (2, 3, 2, 3, 2, 3)), shown(made)])


def test_a_full_table_forgets_the_oldest_or_takes_no_more(tmp_path: Path, servers: list[str]) -> None:
    for nopurge, expected in (("", {"3", "4"}), ("nopurge", {"2", "3"})):
        lines = [*servers, f"stick-table type ip size 2 expire 30s {nopurge}", "stick on src"]

        def run(made: Proxy) -> list[str]:
            answers = []
            for source in (2, 3, 4):
                answers.append(ask(made, source))
                made.stats.wait_until_idle()  # an entry that a session of HAProxy's may still store takes room
            return [*answers, shown(made)]

        answers = on_both(tmp_path, lines, run)
        assert set(re.findall(r"key=127\.0\.0\.(\d)", answers[-1])) == expected


def test_entries_expire(tmp_path: Path, servers: list[str]) -> None:
    def run(made: Proxy) -> list[str]:
        first = [ask(made, 2), ask(made, 3)]
        wait_for(lambda: "used:0" in made.stats.ask("show table main"), what="the entries are gone")
        return [*first, ask(made, 2), ask(made, 3)]

    on_both(tmp_path, [*servers, "stick-table type ip size 10 expire 300ms", "stick on src"], run)


COMMANDS = (
    "show table",
    "show table main",
    "show table nope",
    "show table main key 127.0.0.2",
    "show table main key 127.0.0.99",
    "show table main key xx",
    "show table main key",
    "show table main foo",
    "clear table",
    "clear table nope",
    "clear table main foo",
    "clear table main key 127.0.0.2",
    "clear table main key 127.0.0.2",
    "show table main",
    "clear table main",
    "show table main",
)


def test_the_commands(tmp_path: Path, servers: list[str]) -> None:
    def run(made: Proxy) -> list[str]:
        for source in (2, 3, 4):
            ask(made, source)
        return [shown(made, command) for command in COMMANDS]

    on_both(tmp_path, [*servers, *STICKY], run, "backend other\n    stick-table type string size 5")


def test_the_source_may_come_from_a_header(tmp_path: Path, servers: list[str]) -> None:
    def run(made: Proxy) -> list[str]:
        answers = []
        for number in (1, 2, 3, 1, 2, 1, 3):
            with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
                client.sendall(b"PROXY TCP4 10.0.0.%d 10.0.0.9 4000 80\r\n" % number)
                answers.append(read_all(client).decode())
        return [*answers, shown(made)]

    port = free_port()
    answers = on_both(tmp_path, [*servers, *STICKY, f"bind 127.0.0.1:{port} accept-proxy"], run)
    assert answers[:7] == ["a", "b", "c", "a", "b", "a", "c"]
