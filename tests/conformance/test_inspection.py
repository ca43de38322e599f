"""Rules about sessions and about the first bytes of clients: HAProxy and wproxy decide, count and log the same."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import for_host
from tests.support.log_lines import steady
from tests.support.logging_proxy import facts
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.syslog import LogServer, udp_log_server
from tests.support.tcp_server import TIMEOUT_S, connect, reset, tcp_server, wait_until_read
from tests.support.tls import Peer, tls_connect, tls_server
from tests.support.waiting import wait_for
from tests.unit.wproxy.protocols.test_client_hello import hello_of

BACKENDS = ("one", "two", "a.example")
STORED = "gpt0,gpc0,conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,bytes_in_cnt,bytes_out_cnt"
TABLE = f"""
backend all
    stick-table type ip size 1k expire 1m store {STORED}
"""
SHOWN = ("stot", "bin", "bout", "dreq", "ereq", "dcon", "dses", "conn_tot", "cli_abrt", "req_tot", "hrsp_other")
HEADER = b"PROXY TCP4 10.0.0.%d 10.0.0.9 1234 80\r\n"
SIZE = re.compile(r"(?<=T) (-?\d{3}) \d+ ")  # of answers of the proxy's own
GET = b"GET /%b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def telling(name: str) -> Callable[[socket.socket], None]:
    """Return what answers with its name and what it has heard, all of it, up to the client's goodbye."""

    def serve(connection: socket.socket) -> None:
        heard = b""
        while data := connection.recv(65536):
            heard += data
            if heard.startswith(b"GET"):
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        if not heard.startswith(b"GET"):
            connection.sendall(name.encode() + b":" + heard)

    return serve


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Sections `backend` with a server each that tells what it hears."""
    with ExitStack() as stack:
        ports = {name: stack.enter_context(tcp_server(telling(name))) for name in BACKENDS}
        yield "".join(
            f"backend {name}\n    server s 127.0.0.1:{port}\n    {{{name[0]}}}\n" for name, port in ports.items()
        )


@dataclass
class Scene:
    """A proxy and its log."""

    proxy: Proxy
    log: LogServer
    section: str = "main"
    lines: int = 0

    def wait_until_idle(self) -> None:
        """Return when nobody is in the section where clients arrive."""
        Stats(self.proxy.stats.path, self.section).wait_until_idle()

    def say(self, *parts: bytes, end: bool = True) -> bytes:
        """Return what comes back when `parts` are said one after the other and then, with `end`, nothing more."""
        self.wait_until_idle()
        with connect(self.proxy.port) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for number, part in enumerate(parts):
                with suppress(OSError):
                    client.sendall(part)
                if number + 1 < len(parts):
                    wait_until_read(client)
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR) if end else None
            return self.rest(client)

    @staticmethod
    def rest(client: socket.socket) -> bytes:
        """Return all that comes; a reset is an end, too."""
        heard = b""
        with suppress(ConnectionResetError):
            while data := client.recv(65536):
                heard += data
        return heard

    def logged(self) -> str:
        """Return the next line, without what is never the same."""
        self.lines += 1
        line = self.log.wait_for("", self.lines)[self.lines - 1]
        with suppress(AssertionError):
            return facts(line)
        return steady(line).partition("]: ")[2].strip()

    def counted(self, *names: str) -> list[Any]:
        """Return counters of the frontend and of backends, once nobody is there any more."""
        self.wait_until_idle()
        found = self.proxy.stats.ask("show stat").removeprefix("# ").splitlines()
        head = found[0].split(",")
        rows = [dict(zip(head, line.split(","), strict=False)) for line in found[1:] if line]
        shown = [row for row in rows if row["svname"] == "BACKEND" or row["pxname"] == "main"]
        return [
            (
                row["pxname"],
                row["svname"],
                *((name, row[name]) for name in names or SHOWN if row[name] not in ("", "0")),
            )
            for row in shown
        ]

    def table(self, name: str = "all") -> list[str]:
        """Return its lines, once no session uses an entry any more."""
        self.wait_until_idle()

        def unused() -> str:
            text = self.proxy.stats.ask(f"show table {name}")
            return "" if re.search(r" use=[1-9]", text) else text

        return sorted(re.sub(r"(?m)^0x[0-9a-f]+|exp=\d+", "_", wait_for(unused, what="nobody is tracked")).splitlines())


def on_both(
    folder: Path, servers: str, lines: Sequence[str], act: Callable[[Scene], list[Any]], *,
    mode: str = "tcp", bind: str = "", back: str = "",
) -> list[Any]:  # fmt: skip
    """Return what `act` notes; fail when the two programs differ."""
    found: dict[str, list[Any]] = {}
    for program in ("haproxy", "wproxy"):
        with udp_log_server() as log:
            option = "option httplog" if mode == "http" else "option tcplog"
            own = [
                bind and f"bind 127.0.0.1:0 {bind}",
                f"log {log.target} local0",
                option,
                *lines,
                "default_backend two",
            ]
            rest = servers.format(o="", t=back, a="") + TABLE
            with proxy(program, folder, *own, mode=mode, rest=rest) as made:
                found[program] = act(Scene(made, log))
    assert found["wproxy"] == found["haproxy"]
    return found["wproxy"]


ROUTING = [
    "tcp-request inspect-delay 5s",
    "tcp-request content accept if { req.ssl_hello_type 1 }",
    "tcp-request content reject if { req.len gt 0 } !{ req.ssl_ver 3.0:3.9 } WAIT_END",
    "use_backend one if { req.ssl_sni -i one.example } or { req.ssl_alpn acme-tls/1 }",
    "use_backend %[req.ssl_sni,lower] if { req.ssl_sni -m found }",
]
HELLOS = {
    "a name": hello_of("ONE.example"),
    "another name": hello_of("a.example", "h2"),
    "a name of no backend": hello_of("elsewhere.example"),
    "no name": hello_of(None),
    "protocol": hello_of(None, "h2", "acme-tls/1"),
    "no tls": b"GET / HTTP/1.0\r\n\r\n",
}


def test_routing_by_names_of_hosts(tmp_path: Path, servers: str) -> None:
    """Each hello reaches the server its name means, byte for byte, however it was split."""

    def act(scene: Scene) -> list[Any]:
        noted: list[Any] = []
        for name, hello in HELLOS.items():
            splits = ([hello], [hello[:1], hello[1:]], [hello[:5], hello[5:60], hello[60:], b"more"])
            noted += [(name, scene.say(*parts), scene.logged()) for parts in splits]
        return [*noted, *scene.counted()]

    noted = on_both(tmp_path, servers, ROUTING, act)
    assert [row[1][:4] for row in noted[:9:3]] == [b"one:", b"a.ex", b"two:"]


EACH = {
    "payload": "req.payload(0,3) -m bin 616263",
    "payload_lv": "req.payload_lv(0,1) -m found",
    "long": "req.len ge 300",
    "http": "req.proto_http",
    "curves": "req.ssl_ec_ext",
    "tickets": "req.ssl_st_ext 1",
    "version": "req.ssl_ver gt 3.2",
}
SAID = {"abc": b"abcdef", "ab": b"ab", "http": GET % b"", "tls": HELLOS["a name"], "long": b"x" * 400}


def test_each_fetch(tmp_path: Path, servers: str) -> None:
    """What holds of what was said is set, and logged."""
    rules = [f"tcp-request content set-var(txn.{name}) int(1) if {{ {test} }}" for name, test in EACH.items()]
    shown = " ".join(f"{name}=%[var(txn.{name})]" for name in EACH)

    def act(scene: Scene) -> list[Any]:
        return [(name, scene.say(data)[:4], scene.logged()) for name, data in SAID.items()]

    noted = on_both(tmp_path, servers, ["tcp-request inspect-delay 5s", *rules, f'log-format "{shown}"'], act)
    assert noted[3][2] == "payload=- payload_lv=1 long=1 http=- curves=1 tickets=1 version=1"


LENGTHS = {
    "rejects what is long": ["tcp-request content reject if { req.len gt 2 }"],
    "wants something long": ["tcp-request content accept if { req.len gt 2 }", "tcp-request content reject"],
    "waits for the end": ["tcp-request content reject if WAIT_END"],
    "tracks": [
        "tcp-request content track-sc0 src table all", "tcp-request content sc-set-gpt0(0) 7",
        "tcp-request content reject if { req.len gt 2 }", "tcp-request content track-sc1 src table all",
    ],
}  # fmt: skip


@pytest.mark.parametrize("rules", LENGTHS.values(), ids=LENGTHS)
def test_ends(tmp_path: Path, servers: str, rules: list[str]) -> None:
    """Clients that say enough, too little, nothing, and those that leave."""

    def act(scene: Scene) -> list[Any]:
        said: tuple[list[bytes], ...] = ([b"hey"], [b"h", b"ey"], [b"hi"], [])
        noted: list[Any] = [(parts, scene.say(*parts), scene.logged()) for parts in said]
        client = connect(scene.proxy.port)
        client.sendall(b"h")
        wait_for(lambda: scene.proxy.stats.numbers("FRONTEND", "scur") == (1,), what="it is there")
        wait_until_read(client)  # or what it said is lost with it, and not counted
        reset(client)
        return [*noted, scene.logged(), *scene.counted(), *scene.table()]

    on_both(tmp_path, servers, ["tcp-request inspect-delay 5s", *rules], act)


def test_delays(tmp_path: Path, servers: str) -> None:
    """The rules of a frontend and of a backend wait one after the other; who is silent longer than allowed is gone."""
    wait = ["tcp-request inspect-delay 100ms", "tcp-request content accept if WAIT_END"]

    def act(scene: Scene) -> list[Any]:
        return [scene.say(b"hi"), scene.logged(), *scene.counted()]

    back = "tcp-request inspect-delay 100ms\n    tcp-request content accept if WAIT_END"
    on_both(tmp_path, servers, wait, act, back=back)

    def silent(scene: Scene) -> list[Any]:
        with connect(scene.proxy.port) as client:
            return [scene.rest(client), scene.logged(), *scene.counted()]

    rules = ["timeout client 200ms", "tcp-request inspect-delay 9s", "tcp-request content accept if { req.len gt 9 }"]
    on_both(tmp_path, servers, rules, silent)
    rules = [
        "tcp-request inspect-delay 100ms",
        "tcp-request content accept if { req.len gt 9 }",
        "tcp-request content reject",
    ]
    on_both(tmp_path, servers, rules, silent)


def test_a_backend_rejects(tmp_path: Path, servers: str) -> None:
    back = "tcp-request content track-sc1 src table all\n    tcp-request content reject if { req.len gt 2 }"

    def act(scene: Scene) -> list[Any]:
        noted: list[Any] = [(said, scene.say(said), scene.logged()) for said in (b"hi", b"hey")]
        return [*noted, *scene.counted(), *scene.table()]

    lines = ["tcp-request inspect-delay 5s", "tcp-request content accept if { req.len gt 1 }"]
    on_both(tmp_path, servers, lines, act, back="tcp-request inspect-delay 5s\n    " + back)


def test_what_was_captured_is_logged(tmp_path: Path, servers: str) -> None:
    lines = [
        "tcp-request session set-var(sess.from) src",
        "tcp-request inspect-delay 5s",
        "tcp-request content capture req.ssl_sni len 5",
        "tcp-request content set-var(txn.version) req.ssl_ver",
        'log-format "%[capture.req.hdr(0)] %[var(sess.from)] %{+Q}[var(txn.version)] %[var(txn.none)] %ts %b"',
    ]

    def act(scene: Scene) -> list[Any]:
        return [(scene.say(HELLOS[name])[:4], scene.logged()) for name in ("a name", "no name", "no tls")]

    noted = on_both(tmp_path, servers, lines, act)
    assert noted[0][1] == 'ONE.e 127.0.0.1 "196611" - -- two'


SESSIONS = {
    "rejected": ["tcp-request session track-sc0 src table all", "tcp-request session reject"],
    "by connection": ["tcp-request connection track-sc0 src table all", "tcp-request session reject"],
    "some": ["tcp-request session reject if { src 10.0.0.1 127.0.0.2 }", "tcp-request session track-sc1 src table all"],
    "accepted": [
        "tcp-request session track-sc0 src table all", "tcp-request session sc-inc-gpc0(0)",
        "tcp-request session accept", "tcp-request session reject",
    ],
}  # fmt: skip


@pytest.mark.parametrize("mode", ["tcp", "http"])
@pytest.mark.parametrize("rules", SESSIONS.values(), ids=SESSIONS)
def test_sessions(tmp_path: Path, servers: str, rules: list[str], mode: str) -> None:
    said = [GET % b"a"] if mode == "http" else [b"hi"]
    shown = ("stot", "dses", "dcon", "conn_tot", "req_tot")

    def act(scene: Scene) -> list[Any]:
        noted: list[Any] = [masked(scene.say(*said, end=mode == "tcp")) for _ in range(2)]
        scene.proxy.stats.wait_until_idle()
        return [*noted, *scene.counted(*shown), *(re.sub(r"bytes.*", "", line) for line in scene.table())]

    on_both(tmp_path, servers, rules, act, mode=mode)


def test_sessions_behind_a_header(tmp_path: Path, servers: str) -> None:
    """Their rules go by the address that the header tells; who is rejected then is logged."""
    lines = ["tcp-request session reject if { src 10.0.0.1 }", "tcp-request content reject if { src 10.0.0.2 }"]

    def act(scene: Scene) -> list[Any]:
        noted: list[Any] = []
        for number in (1, 2, 3):
            heard = scene.say(HEADER % number + b"hi")
            noted.append((heard, scene.logged()))
        return [*noted, *scene.counted("stot", "dses", "dreq", "conn_tot")]

    for header in ("", "option dontlognull"):
        on_both_accepting(tmp_path, servers, [*lines, *([header] if header else [])], act, "accept-proxy")


def on_both_accepting(
    folder: Path, servers: str, lines: list[str], act: Callable[[Scene], list[Any]], words: str
) -> None:
    """Do the same where clients arrive at a `bind` line with `words`, in a section of its own."""
    found: dict[str, list[Any]] = {}
    for program in ("haproxy", "wproxy"):
        port = free_port()
        with udp_log_server() as log:
            section = "\n    ".join(
                [f"bind 127.0.0.1:{port} {words}", f"log {log.target} local0", "option tcplog", *lines]
            )
            rest = (
                servers.format(o="", t="", a="") + TABLE + f"frontend other\n    {section}\n    default_backend two\n"
            )
            with proxy(program, folder, rest=rest) as made:
                scene = Scene(Proxy(program, folder, port, made.process), log, "other")
                if "dontlognull" in section:
                    found[program] = [scene.say(HEADER % number + b"hi") for number in (1, 3)]
                    found[program] += [scene.logged().partition("] ")[2][:9]]
                else:
                    found[program] = act(scene)
    assert found["wproxy"] == found["haproxy"]


def test_sessions_of_tls(tmp_path: Path) -> None:
    """Their rules may ask what the handshake has told, those about contents see what was inside."""
    pem = for_host("a.example").write(tmp_path / "a.pem")
    found: dict[str, tuple[int, ...]] = {}
    for program in ("haproxy", "wproxy"):
        own = free_port()
        with tls_server(Peer(plain=b"")) as port:
            rest = (
                f"listen tls\n    bind 127.0.0.1:{own} ssl crt {pem}\n"
                "    tcp-request session reject if { ssl_fc_sni b.example }\n    tcp-request inspect-delay 5s\n"
                f"    tcp-request content reject if {{ req.payload(0,2) -m str no }}\n    server s 127.0.0.1:{port}\n"
            )
            with proxy(program, tmp_path, rest=rest) as made:
                stats = type(made.stats)(made.stats.path, "tls")
                for name, said in (("a.example", b"hi"), ("a.example", b"no"), ("b.example", b"hi")):
                    with suppress(OSError), tls_connect(own, name) as client:
                        client.settimeout(TIMEOUT_S)
                        client.sendall(said)
                        client.recv(100)
                stats.wait_until_idle()
                found[program] = stats.numbers("FRONTEND", "stot", "dses", "dreq", "bin", "conn_tot")
    assert found["wproxy"] == found["haproxy"] == (2, 1, 1, 4, 3)


def masked(answer: bytes) -> tuple[bytes, bytes]:
    """Return status line and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.partition(b"\r\n")[0], body


HTTP = {
    "frontend": ["tcp-request content track-sc0 src table all", "tcp-request content reject if { path /no }"],
    "accept": ["tcp-request content accept if { path /no }", "tcp-request content reject", "http-request deny"],
    "monitor": ["monitor-uri /no", "tcp-request content reject if { path /no }"],
    "connections too": [
        "tcp-request connection track-sc0 src table all", "tcp-request content track-sc1 src table all",
        "tcp-request content reject if { path /no }",
    ],
    "variables": [
        "tcp-request session set-var(sess.x) src", "tcp-request content set-var(txn.y) path",
        "http-request return status 200 content-type text/plain lf-string %[var(sess.x)]%[var(txn.y)]",
    ],
}  # fmt: skip


@pytest.mark.parametrize("rules", HTTP.values(), ids=HTTP)
def test_requests(tmp_path: Path, servers: str, rules: list[str]) -> None:
    shown = ("stot", "dreq", "ereq", "req_tot", "hrsp_2xx", "hrsp_4xx", "hrsp_other")

    def act(scene: Scene) -> list[Any]:
        noted: list[Any] = [masked(scene.say(GET % path, end=False)) for path in (b"yes", b"no")]
        wait_for(lambda: len(scene.log.receive()) >= 2, what="both are logged")
        lines = sorted(SIZE.sub(r" \1 ", steady(line, alone=True).partition("] ")[2]) for line in scene.log.lines)
        table = [re.sub(r"bytes.*", "", line) for line in scene.table()]
        return [*noted, lines, *scene.counted(*shown), *table]

    on_both(tmp_path, servers, ["tcp-request inspect-delay 5s", *rules], act, mode="http")


def test_requests_at_a_backend(tmp_path: Path, servers: str) -> None:
    back = "tcp-request content track-sc1 src table all\n    tcp-request content reject if { path /no }"
    shown = ("stot", "dreq", "req_tot", "hrsp_2xx", "hrsp_other")

    def act(scene: Scene) -> list[Any]:
        heard: list[Any] = [scene.say(GET % b"no", end=False)]
        table = [re.sub(r"bytes.*", "", line) for line in scene.table()]
        return [*heard, *scene.counted(*shown), *table]

    on_both(tmp_path, servers, [], act, mode="http", back=back)
