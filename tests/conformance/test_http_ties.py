"""What ties requests to servers, together with rules and what they fetch: HAProxy and wproxy do the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.test_http_persistence import ANSWER, Pair, get, section
from tests.support.echo_http import EchoServer, echo_server, http_client
from tests.support.proxies import proxy


@pytest.fixture(scope="module")
def servers() -> Iterator[list[EchoServer]]:
    with ExitStack() as stack:
        yield [stack.enter_context(echo_server(name)) for name in "abc"]


def on_both(
    folder: Path, servers: list[EchoServer], lines: list[str], run: Callable[[Pair], list[object]]
) -> list[object]:
    """Return what `run` notes; fail where the two programs differ."""
    notes = {}
    for program in ("haproxy", "wproxy"):
        for server in servers:
            server.answer = ANSWER
        with ExitStack() as stack:
            made = stack.enter_context(proxy(program, folder, *lines, mode="http"))
            notes[program] = run(Pair(made, servers, stack.enter_context(http_client(made.port))))
    for number, (theirs, ours) in enumerate(zip(notes["haproxy"], notes["wproxy"], strict=True)):
        assert ours == theirs, number
    return notes["wproxy"]


COOKIES = [(), (b"Cookie: SRV=sb",), (b"Cookie: SRV=zz",), (b"Cookie: SRV=sb; x=1",), (b"Cookie: SRV=sc|AAAAB",)]


def test_answers_of_the_proxy_itself(tmp_path: Path, servers: list[EchoServer]) -> None:
    """A denied request, one answered by a rule, one for which there is no server."""
    lines = [
        "cookie SRV insert indirect", "option forwardfor", "compression algo gzip",
        "http-request deny if { path /deny }",
        "http-request return status 200 content-type text/plain string hi if { path /own }",
        "http-response deny if { path /late }",
    ]  # fmt: skip

    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        paths = (b"/deny", b"/own", b"/late", b"/")
        for path in paths:
            for cookie in ((), (b"Cookie: SRV=sb",)):
                with http_client(pair.made.port) as pair.client:
                    notes.append(pair.ask(get(*cookie, path=path)))
        for name in "abc":
            pair.made.stats.ask(f"disable server main/{name}")
        with http_client(pair.made.port) as pair.client:
            notes.append(pair.ask(get(b"Cookie: SRV=sb")))
        return notes

    on_both(tmp_path, servers, section(servers, *lines), run)


def test_rules_come_first(tmp_path: Path, servers: list[EchoServer]) -> None:
    """What rules make of a request is what cookies, addresses and hashes see, and the reverse with responses."""
    lines = [
        "cookie SRV insert indirect nocache", "option forwardfor if-none", "option originalto",
        "http-request set-header Cookie SRV=sc if { path /set }", "http-request del-header Cookie if { path /del }",
        "http-request set-header X-Forwarded-For 9.9.9.9 if { path /set }",
        "http-request add-header X-Seen %[req.cook(SRV)]", "http-response add-header X-Set %[res.cook(SRV)]",
        "http-response set-header Set-Cookie SRV=rule if { path /res }",
    ]  # fmt: skip

    def run(pair: Pair) -> list[object]:
        return [
            pair.ask(get(*fields, path=path), answer)
            for path in (b"/", b"/set", b"/del", b"/res")
            for fields in ((), (b"Cookie: SRV=sb",))
            for answer in (ANSWER, ANSWER.replace(b"X-Server", b'ETag: "a"\r\nSet-Cookie: SRV=own\r\nX-Server'))
        ]

    on_both(tmp_path, servers, section(servers, *lines), run)


TABLES = {
    "a cookie": ["stick-table type string len 8 size 1k", "stick on req.cook(id)"],
    "a field or the address": ["stick-table type string size 1k", "stick on req.hdr(x-key)", "stick on src"],
    "learned from responses": [
        "stick-table type string size 1k", "stick match req.cook(id)", "stick store-response res.cook(id)",
    ],
    "the path, for some": ["stick-table type string size 1k", "stick on path if { path_beg /k }"],
    "a number": ["stick-table type integer size 1k", "stick on req.hdr(x-key)"],
    "an address in a field": ["stick-table type ip size 1k", "stick on req.hdr(x-key)"],
    "lower case": ["stick-table type string size 1k", "stick on req.hdr(x-key),lower"],
    "with a cookie": ["stick-table type string size 1k", "stick on req.hdr(x-key)", "cookie SRV insert indirect"],
    "force-persist": ["stick-table type string size 1k", "stick on req.hdr(x-key)", "force-persist if TRUE"],
}  # fmt: skip


@pytest.mark.parametrize("lines", TABLES.values(), ids=TABLES)
def test_tables_by_what_requests_say(tmp_path: Path, servers: list[EchoServer], lines: list[str]) -> None:
    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        for number in (1, 2, 1, 3, 2, 4, 1):
            fields = (b"X-Key: %d" % number, b"Cookie: id=c%d" % number)
            answer = ANSWER.replace(b"X-Server", b"Set-Cookie: id=c%d; Path=/\r\nX-Server" % (number + 1))
            notes.append(pair.ask(get(*fields, path=b"/k%d" % number), answer))
        notes.append(pair.ask(get(b"X-Key: Ab", path=b"/")))
        notes.append(pair.ask(get(b"X-Key: aB", path=b"/")))
        notes.append(pair.ask(get(b"X-Key: 10.1.2.3", b"Cookie: id=very-long-indeed", path=b"/")))
        notes.append(pair.ask(get(b"X-Key:", b"Cookie: id=", path=b"/")))
        notes += [pair.ask(get(b"X-Key: %d" % number, path=b"/k%d" % number)) for number in (1, 2, 3)]
        pair.client.close()
        pair.made.stats.wait_until_idle()
        shown = re.sub(r"(?m)^0x[0-9a-f]+|exp=\d+", "_", pair.made.stats.ask("show table main"))
        head, *entries = shown.split("\n")
        return [*notes, head, *sorted(entries)]

    on_both(tmp_path, servers, section(servers, *lines), run)


@pytest.mark.parametrize(
    "expression",
    ["req.hdr(x-key)", "req.cook(id)", "path", "url_param(id)", "req.hdr(x-key),lower", "req.hdr_ip(x-addr)", "src",
     "req.hdr_val(x-key)", "method", "base", "always_true"],
)  # fmt: skip
def test_balance_hash(tmp_path: Path, servers: list[EchoServer], expression: str) -> None:
    lines = section(
        servers, f"balance hash {expression}", "hash-type map-based crc32", more=["", "weight 3", "weight 7"]
    )

    def run(pair: Pair) -> list[object]:
        notes: list[object] = []
        for number in range(24):
            fields = (b"X-Key: K%d" % number, b"Cookie: id=c%d" % number, b"X-Addr: 10.0.0.%d" % number)
            notes.append(pair.ask(get(*fields, path=b"/%d?id=%d" % (number, number))))
        return [*notes, *(pair.ask(get()) for _ in range(11))]

    on_both(tmp_path, servers, lines, run)


@pytest.mark.parametrize("rule", ["ignore-persist", "force-persist"])
def test_persist_rules_with_conditions(tmp_path: Path, servers: list[EchoServer], rule: str) -> None:
    lines = ["cookie SRV insert indirect", "acl static path_end .png", f"{rule} if static"]

    def run(pair: Pair) -> list[object]:
        pair.made.stats.ask("disable server main/b")
        return [
            pair.ask(get(*fields, path=path))
            for fields in ((), (b"Cookie: SRV=sb",), (b"Cookie: SRV=sc",))
            for path in (b"/x.png", b"/x")
        ]

    on_both(tmp_path, servers, section(servers, *lines), run)


def test_with_each_closing(tmp_path: Path, servers: list[EchoServer]) -> None:
    for closing in ("option http-server-close", "option httpclose", "http-reuse always"):
        lines = ["cookie SRV insert", "option forwardfor", "http-send-name-header X-Name", closing]

        def run(pair: Pair) -> list[object]:
            notes: list[object] = []
            for fields in COOKIES:
                with http_client(pair.made.port) as pair.client:
                    notes.append(pair.ask(get(*fields)))
            return notes

        on_both(tmp_path, servers, section(servers, *lines), run)
