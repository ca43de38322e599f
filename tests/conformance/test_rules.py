"""Rules on what is known of a connection: HAProxy and wproxy send the same clients to the same backends."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import proxy
from tests.support.tcp_server import TIMEOUT_S, named_server, read_all

SOURCES = [
    "127.0.0.1",
    "127.0.0.2",
    "127.0.0.200",
    "127.0.1.1",
    "127.1.2.3",
    "127.9.0.77",
    "127.128.0.1",
    "127.255.0.3",
]
BACKENDS = ("one", "two", "three", "empty")

# What the section says; every client of SOURCES goes through it.
CASES = {
    "networks": [
        "acl here src 127.0.0.0/30 127.0.1.1",
        "acl mask src 127.9.0.0/255.255.0.0",
        "use_backend one if here",
        "use_backend two if mask",
        "default_backend three",
    ],
    "short addresses": ["use_backend one if { src 127.1 127.0.200 127.1.2.3/16 }", "default_backend three"],
    "other family": [
        "use_backend one if { src ::ffff:127.0.0.0/120 }",
        "use_backend two if { src ::/0 }",
        "default_backend three",
    ],
    "first rule counts": [
        "use_backend two if { src 127.0.0.0/16 }",
        "use_backend one if { src 127.0.0.0/8 }",
        "default_backend three",
    ],
    "unless": ["use_backend one unless { src 127.0.0.0/16 }", "default_backend three"],
    "negation": ["acl a src 127.0.0.0/16", "use_backend one if !a", "use_backend two if ! !a", "default_backend three"],
    "and, or": [
        "acl low src 127.0.0.0/9",
        "acl zero src 127.0.0.0/16",
        "use_backend one if low !zero or { src 127.255.0.3 }",
        "use_backend two if zero { src 127.0.0.2 } || { src 127.128.0.0/16 }",
        "default_backend three",
    ],
    "several lines of one name": ["acl a src 127.0.0.1", "acl a src 127.9.0.77", "use_backend one if a"],
    "as a string": [
        "use_backend one if { src -m beg 127.0. }",
        "use_backend two if { src -m end .3 }",
        "use_backend three if { src -m reg ^127\\.9\\. }",
        "use_backend one if { src -m dom 128 }",
    ],
    "length": ["use_backend one if { src -m len 9 }", "use_backend two if { src -m len gt 9 }"],
    "substring": ["use_backend one if { src -m sub 55 .9. }", "default_backend two"],
    "found": ["use_backend one if { src -m found }"],
    "without rules that hold": ["use_backend one if FALSE"],
    "without condition": ["use_backend two", "default_backend one"],
    "predefined": ["use_backend two if !LOCALHOST", "use_backend one if TRUE"],
    "ports": [
        "use_backend one if { dst_port {port} } { src_port 1024: } { src 127.0.0.0/16 }",
        "use_backend two if { dst_port lt {port} } or { src_port lt 1024 }",
        "default_backend three",
    ],
    "destination": ["use_backend one if { dst 127.0.0.0/8 } { dst_is_local } { src_is_local }"],
    "servers": [
        "use_backend three if { nbsrv(one) eq 0 }",
        "use_backend one if { nbsrv(empty) gt 0 }",
        "use_backend two if { nbsrv(three) 1 } { srv_is_up(three/s) } { srv_weight(three/s) 1:1 }",
    ],
    "a server that is down": [
        "use_backend one if { srv_is_up(empty/s) }",
        "use_backend two if { nbsrv(empty) lt 1 } { connslots(empty) 0 }",
    ],
    "numbers of proxies": [
        "use_backend two if { fe_id ge 3 }",
        "use_backend three if { be_id 3 }",
        "use_backend one if { fe_id 2 } { be_id 2 } { so_id 1 }",
    ],
    "names of proxies": [
        "use_backend one if { fe_name main } { be_name -m beg ma } { fe_defbe two }",
        "default_backend two",
    ],
    "connections": [
        "use_backend two if { fe_conn gt 9 }",
        "use_backend three if { fe_conn(main) lt 1 }",
        "use_backend one if { be_conn(two) 0 } { queue(two) 0 } { avg_queue(two) le 0 } { srv_conn(two/s) 0 }",
    ],
    "slots": ["use_backend one if { connslots(two) -m str -- -1 }", "default_backend three"],
    "constants": [
        "use_backend one if { bool(false) }",
        "use_backend one if { int(5) lt 5 }",
        "use_backend one if { str(Abc) -m str abc }",
        "use_backend two if { str(Abc) -i aBC } { int(7) 1:3 7 } { int(7) 5: } { int(7) :7 } { bool(1) }",
    ],
    "environment": [
        "use_backend one if { env(NOBODY_HAS_THIS) -m found }",
        "use_backend two if { env(PATH) -m sub bin }",
    ],
    "chance": ["use_backend one if { rand(10) lt 10 } { rand(1) 0 }"],
    "date": ["use_backend one if { date gt 1600000000 }"],
    "conversions": [
        "use_backend one if { always_true -m int 0 }",
        "use_backend two if { always_true -m int 1 } { int(12) -m beg 1 } { int(0) -m bool }",
        "use_backend three if { str(127.0.0.1) -m ip 127.0.0.0/8 } { str(12) -m int 11:13 }",
    ],
    "turned away": [
        "tcp-request connection accept if { src 127.0.0.2 }",
        "tcp-request connection reject if { src 127.0.0.0/16 }",
        "tcp-request connection reject unless { src 127.0.0.0/9 }",
        "default_backend one",
    ],
    "all turned away": ["tcp-request connection reject", "default_backend one"],
}


def ask(port: int, source: str) -> str:
    """Return the name of the server at which a client from `source` ends, "" for none."""
    try:
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S, (source, 0)) as connection:
            return read_all(connection).decode()
    except ConnectionResetError:
        return ""


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, int]]:
    """A port for each name; nobody listens for "empty"."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(named_server(name)) for name in BACKENDS[:-1]}


def backends(ports: dict[str, int]) -> str:
    lines = [f"backend {name}\n    server s 127.0.0.1:{port}" for name, port in ports.items()]
    return "\n".join([*lines, "backend empty\n    server s 127.0.0.1:1 disabled"])


@pytest.mark.parametrize("lines", CASES.values(), ids=CASES)
def test_the_same_clients_go_to_the_same_backends(tmp_path: Path, servers: dict[str, int], lines: list[str]) -> None:
    port = free_port()
    written = [line.replace("{port}", str(port)) for line in lines]
    answers = {}
    for program in ("haproxy", "wproxy"):
        with proxy(program, tmp_path, *written, rest=backends(servers), port=port) as made:
            answers[program] = [ask(port, source) for source in SOURCES]
            counted = made.stats.numbers("FRONTEND", "stot", "conn_tot", "dcon")
            answers[program] += [f"sessions {counted}"]
    assert answers["wproxy"] == answers["haproxy"]


def test_patterns_from_a_file(tmp_path: Path, servers: dict[str, int]) -> None:
    (tmp_path / "clients").write_text("# those of one\n127.0.0.0/24\n\n  127.9.0.77\r\n")
    lines = ["acl a src -f clients 127.255.0.3", "use_backend one if a", "default_backend two"]
    answers = {}
    for program in ("haproxy", "wproxy"):
        with proxy(program, tmp_path, *lines, rest=backends(servers)) as made:
            answers[program] = [ask(made.port, source) for source in SOURCES]
    assert answers["wproxy"] == answers["haproxy"]
    assert set(answers["wproxy"]) == {"one", "two"}


def test_each_address_of_a_frontend_has_its_number(tmp_path: Path, servers: dict[str, int]) -> None:
    for program in ("haproxy", "wproxy"):
        second = free_port()
        lines = [f"bind 127.0.0.1:{second}", "use_backend two if { so_id 2 }", "default_backend one"]
        with proxy(program, tmp_path, *lines, rest=backends(servers)) as made:
            assert (ask(made.port, "127.0.0.1"), ask(second, "127.0.0.1")) == ("one", "two")


@pytest.mark.parametrize(
    ("words", "number", "position"),
    [
        (("id 3", ""), 3, 1),
        (("id 3", ""), 4, 2),
        (("id 9", ""), 3, 2),
        (("", "id 1"), 1, 2),
        (("", "id 1"), 2, 0),
        (("", "id 1"), 3, 1),
    ],
)
def test_addresses_with_numbers_of_their_own(
    words: tuple[str, str], number: int, position: int, tmp_path: Path, servers: dict[str, int]
) -> None:
    """Those without one get the next that is free; the first address is another one."""
    for program in ("haproxy", "wproxy"):
        ports = free_port(), free_port()
        lines = [f"bind 127.0.0.1:{port} {word}" for port, word in zip(ports, words, strict=True)]
        lines += [f"use_backend two if {{ so_id {number} }}", "default_backend one"]
        with proxy(program, tmp_path, *lines, rest=backends(servers)) as made:
            answers = [ask(port, "127.0.0.1") for port in (made.port, *ports)]
            assert answers == ["two" if each == position else "one" for each in range(3)], program


def test_a_server_that_is_set_down_changes_the_way(tmp_path: Path, servers: dict[str, int]) -> None:
    for program in ("haproxy", "wproxy"):
        lines = ["use_backend two if { nbsrv(one) 0 }", "default_backend one"]
        with proxy(program, tmp_path, *lines, rest=backends(servers)) as made:
            before = ask(made.port, "127.0.0.1")
            made.stats.ask("set server one/s state maint")
            assert (before, ask(made.port, "127.0.0.1")) == ("one", "two")
