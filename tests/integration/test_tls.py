"""TLS in the life of a process: reloads, rules, mode redis, headers, slow peers, and what must never be shown."""

from __future__ import annotations

import random
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

from tests.support.certificates import Pair, authority, for_host
from tests.support.memory_tls import client_context
from tests.support.programs import START_TIMEOUT_S, WPROXY, free_port, redis_server, running
from tests.support.proxies import check_log, proxy
from tests.support.stats import Stats
from tests.support.syslog import udp_log_server
from tests.support.tcp_server import (
    Sender,
    accept,
    connect,
    listening_socket,
    named_server,
    port_of,
    read_exactly,
    tcp_server,
)
from tests.support.tls import Spoken, tls_connect
from tests.support.waiting import wait_for
from wproxy.config.x509 import read

SERVING = """
global
    stats socket {folder}/wproxy.sock mode 600 level admin
{more}
defaults
    mode tcp
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    bind 127.0.0.1:{port} ssl crt {folder}/a.pem
    server a 127.0.0.1:{server}
"""


def name_shown(port: int, sni: str | None = None) -> str:
    """Return the first name of the certificate that a client is shown."""
    with tls_connect(port, sni) as client:
        der = client.getpeercert(binary_form=True)
    assert der is not None
    return read(der).names[0]


def greeting(port: int) -> bytes:
    with tls_connect(port) as client:
        return client.recv(100)


@dataclass
class Clients:
    """Connects with TLS again and again, and notes whose certificate it was shown."""

    port: int
    names: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                with tls_connect(self.port) as client:
                    assert client.recv(100) == b"a"
                    der = client.getpeercert(binary_form=True)
                assert der is not None
                self.names.append(read(der).names[0])
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))


@contextmanager
def clients(port: int) -> Iterator[Clients]:
    made, stop = Clients(port), threading.Event()
    thread = threading.Thread(target=made.run, args=(stop,))
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join()
    assert made.failures == []


@dataclass
class Place:
    folder: Path
    port: int
    server: int

    @property
    def stats(self) -> Stats:
        return Stats(self.folder / "wproxy.sock")

    def pid(self) -> int:
        try:
            answer = self.stats.ask("show info")
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in answer.splitlines() if line.startswith("Pid:")), 0)

    @contextmanager
    def process(self, name: str, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        before = self.pid()
        with running([*WPROXY, "-f", "wproxy.cfg", *options], self.folder, name) as started:

            def serves() -> bool:
                assert started.poll() is None, (self.folder / f"{name}.log").read_text()
                return self.pid() not in (0, before)

            wait_for(serves, START_TIMEOUT_S, f"{name} serves")
            yield started
        check_log((self.folder / f"{name}.log").read_text())


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with named_server("a") as server:
        made = Place(tmp_path, free_port(), server)
        for_host("first.example").write(tmp_path / "a.pem")
        (tmp_path / "wproxy.cfg").write_text(SERVING.format(folder=tmp_path, port=made.port, server=server, more=""))
        yield made


def test_a_reload_serves_the_new_certificate_and_drops_nobody(place: Place) -> None:
    with place.process("master", "-W") as master, tls_connect(place.port) as kept:
        worker = place.pid()
        assert kept.recv(100) == b"a"
        with clients(place.port) as counted:
            wait_for(lambda: len(counted.names) > 10, START_TIMEOUT_S, "clients")
            for_host("second.example").write(place.folder / "a.pem")
            master.send_signal(signal.SIGUSR2)
            wait_for(lambda: place.pid() not in (0, worker), START_TIMEOUT_S, "another worker")
            wait_for(lambda: counted.names[-3:] == ["second.example"] * 3, what="clients of the second worker")
        assert "first.example" in counted.names
        assert name_shown(place.port) == "second.example"
        kept.sendall(b"still here")  # and the worker before goes on for it


def test_a_reload_with_a_damaged_certificate_changes_nothing(place: Place) -> None:
    with place.process("master", "-W") as master:
        worker = place.pid()
        good = (place.folder / "a.pem").read_bytes()
        (place.folder / "a.pem").write_bytes(good[:300])
        master.send_signal(signal.SIGUSR2)
        log = place.folder / "master.log"
        wait_for(lambda: "Reload failed" in log.read_text(), what="the refusal")
        assert "'crt' : there is no certificate in" in log.read_text()
        assert (place.pid(), name_shown(place.port)) == (worker, "first.example")


def test_a_new_process_takes_over_with_the_new_certificate(place: Place) -> None:
    with ExitStack() as stack:
        old = stack.enter_context(place.process("old"))
        with clients(place.port) as counted:
            wait_for(lambda: len(counted.names) > 10, START_TIMEOUT_S, "clients")
            for_host("second.example").write(place.folder / "a.pem")
            stack.enter_context(place.process("new", "-sf", str(old.pid)))
            assert old.wait(START_TIMEOUT_S) == 0
            wait_for(lambda: counted.names[-3:] == ["second.example"] * 3, what="clients of the new process")


def test_the_key_is_read_before_root_is_given_up(place: Place) -> None:
    (place.folder / "jail").mkdir()
    more = f" user nobody\n group nogroup\n chroot {place.folder}/jail"
    text = SERVING.format(folder=place.folder, port=place.port, server=place.server, more=more)
    (place.folder / "wproxy.cfg").write_text(text)
    (place.folder / "a.pem").chmod(0o600)
    with place.process("locked-up"):
        assert greeting(place.port) == b"a"
        assert name_shown(place.port) == "first.example"


# -- rules -------------------------------------------------------------------------------------------------------------


def test_rules_about_tls(tmp_path: Path) -> None:
    for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with named_server("one") as one, named_server("two") as two, named_server("old") as old:
        lines = [
            f"bind 127.0.0.1:{port} ssl crt {tmp_path}/a.pem alpn x,y",
            "acl secure ssl_fc",
            "use_backend old if { ssl_fc_protocol TLSv1.2 }",
            "use_backend two if secure { ssl_fc_sni -i two.example }",
            "use_backend two if { ssl_fc_alpn y }",
            "use_backend one if secure",
            f"server none 127.0.0.1:{free_port()}",
        ]
        backends = {"one": one, "two": two, "old": old}
        rest = "\n".join(f"backend {name}\n server s 127.0.0.1:{port}" for name, port in backends.items())
        with proxy("wproxy", tmp_path, *lines, rest=rest):

            def reached(name: str | None = None, context: ssl.SSLContext | None = None) -> bytes:
                with tls_connect(port, name, context) as client:
                    return client.recv(100)

            with_y = client_context()
            with_y.set_alpn_protocols(["y"])
            assert reached() == b"one"
            assert reached("TWO.example") == b"two"
            assert reached(None, with_y) == b"two"
            assert reached("two.example", client_context(maximum_version=ssl.TLSVersion.TLSv1_2)) == b"old"


# -- mode redis --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("balance", ["key", "roundrobin"])
def test_mode_redis_with_tls_on_both_sides(tmp_path: Path, balance: str) -> None:
    ca: Pair = authority()
    ca.write_certificate(tmp_path / "ca.pem")
    for_host("redis.example", signed_by=ca).write(tmp_path / "redis.pem")
    for_host("front.example", signed_by=ca).write(tmp_path / "front.pem")
    with ExitStack() as stack:
        ports = []
        for _ in range(2):
            tls_port = free_port()
            own = f"{tmp_path}/redis.pem"
            options = ["--tls-port", str(tls_port), "--tls-cert-file", own, "--tls-key-file", own]
            stack.enter_context(
                redis_server(
                    tmp_path, None, *options, "--tls-auth-clients", "no", "--tls-ca-cert-file", f"{tmp_path}/ca.pem"
                )
            )
            ports.append(tls_port)
        port = free_port()
        # No number of late handshakes makes a server DOWN: that is not asked here.
        words = f"check inter 200ms fall 1000 ssl ca-file {tmp_path}/ca.pem sni str(redis.example)"
        lines = [f"bind 127.0.0.1:{port} ssl crt {tmp_path}/front.pem", f"balance {balance}"]
        lines += [f"server r{number} 127.0.0.1:{one} {words}" for number, one in enumerate(ports)]
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines, mode="redis"))
        made.stats.wait_for_status("r0", "UP")
        wait_for(lambda: made.stats.row("r1")["check_status"] == "L7OK", what="a check")
        client = redis.Redis(port=port, ssl=True, ssl_ca_certs=f"{tmp_path}/ca.pem", ssl_check_hostname=False)
        with client:
            for number in range(200):
                assert client.set(f"key{number}", b"v" * number)
            assert [client.get(f"key{number}") for number in range(200)] == [b"v" * number for number in range(200)]
            pipeline = client.pipeline(transaction=False)
            for number in range(200):
                pipeline.get(f"key{number}")
            assert pipeline.execute() == [b"v" * number for number in range(200)]
        assert all(count > 0 for count in made.stats.sessions("r0", "r1"))


# -- the PROXY header --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_a_header_goes_before_tls_from_one_proxy_to_another(tmp_path: Path, version: str) -> None:
    for_host("a.example").write(tmp_path / "a.pem")
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    port = free_port()
    with named_server("a") as server, udp_log_server() as log:
        behind = [f"bind 127.0.0.1:{port} accept-proxy ssl crt {tmp_path}/a.pem", f"log {log.target} local0",
                  "option tcplog", f"server a 127.0.0.1:{server}"]  # fmt: skip
        before = [f"server b 127.0.0.1:{port} ssl verify none {version}"]
        with proxy("wproxy", second, *behind), proxy("wproxy", first, *before) as outer:
            with connect(outer.port) as client:
                own = client.getsockname()[1]
                assert client.recv(100) == b"a"
            assert f" 127.0.0.1:{own} " in log.wait_for("main~ main/a")[0]


# -- peers that are slow or hostile ------------------------------------------------------------------------------------


def test_clients_that_never_shake_hands(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with named_server("a") as server, ExitStack() as stack:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", "timeout client 2s", f"server a 127.0.0.1:{server}"]
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines))
        silent = []
        for number in range(300):
            silent.append(stack.enter_context(connect(port)))
            if number % 2:  # at once: its time is running
                silent[-1].sendall(b"\x16\x03\x01\x02\x00\x01")
        assert greeting(port) == b"a"
        for connection in silent:
            assert connection.recv(1) == b""
        wait_for(lambda: "CurrSslConns: 0" in made.stats.ask("show info"), what="no connection left")
        made.stats.wait_until_idle("FRONTEND")


def test_bytes_that_are_no_handshake(tmp_path: Path) -> None:
    """Damaged greetings end in an alert or in silence, and the proxy goes on."""
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    chance, port = random.Random(6), free_port()
    outgoing = ssl.MemoryBIO()
    client = client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example")
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with named_server("a") as server:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{server}"]
        with proxy("wproxy", tmp_path, *lines) as made:
            for _ in range(300):
                damaged = bytearray(hello)
                for _ in range(chance.randint(1, 8)):
                    damaged[chance.randrange(len(damaged))] = chance.randrange(256)
                with connect(port) as connection:
                    connection.sendall(damaged[: chance.randint(1, len(damaged))])
                    with suppress(OSError):  # it may have been hung up on already
                        connection.shutdown(socket.SHUT_WR)
                    with suppress(ConnectionError):
                        while connection.recv(65536):
                            pass
            assert greeting(port) == b"a"
            wait_for(lambda: made.stats.row("FRONTEND")["scur"] == "0", what="no session left")


def flood(connection: socket.socket) -> None:
    """Send for as long as somebody takes it."""
    with connection, suppress(OSError):
        while True:
            connection.sendall(b"x" * 65536)


def test_a_client_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with listening_socket() as listening, ExitStack() as stack:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{port_of(listening)}"]
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines))
        before = made.resident_bytes
        for _ in range(10):
            stack.enter_context(tls_connect(port))
            Sender(stack.enter_context(accept(listening)), b"x" * 30_000_000)
        wait_for_standstill(made.stats)
        assert made.resident_bytes - before < 10 * 2_000_000


def test_a_server_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with listening_socket() as listening, ExitStack() as stack:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{port_of(listening)}"]
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines))
        before = made.resident_bytes
        for _ in range(10):
            client = stack.enter_context(tls_connect(port))
            stack.enter_context(accept(listening))
            Sender(client, b"x" * 30_000_000)
        wait_for_standstill(made.stats)
        assert made.resident_bytes - before < 10 * 2_000_000


def test_what_a_connection_keeps_after_much_has_passed(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port, much = free_port(), b"x" * 1_000_000
    with listening_socket() as listening, ExitStack() as stack:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{port_of(listening)}"]
        made = stack.enter_context(proxy("wproxy", tmp_path, *lines))
        pairs = []
        for _ in range(40):
            client = stack.enter_context(tls_connect(port))
            served = stack.enter_context(accept(listening))
            client.sendall(b"x")
            assert served.recv(1) == b"x"
            pairs.append((client, served))
        before = made.resident_bytes
        for client, served in pairs:
            Sender(client, much)
            assert read_exactly(served, len(much)) == much
            Sender(served, much)
            received = 0
            while received < len(much):
                received += len(client.recv(1 << 20))
        assert made.resident_bytes - before < 40 * 200_000


def wait_for_standstill(stats: Stats) -> int:
    """Return how many bytes have passed when no more do."""
    passed = [-1, 0]

    def still() -> bool:
        row = stats.row("FRONTEND")
        passed.append(int(row["bin"]) + int(row["bout"]))
        return passed[-1] == passed[-2] > 0

    wait_for(still, 20.0, "a standstill", pause_s=0.3)
    return passed[-1]


def test_a_handshake_in_single_bytes(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with named_server("a") as server:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{server}"]
        with proxy("wproxy", tmp_path, *lines), connect(port) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

            class Dripping(Spoken):
                def _flush(self) -> None:
                    for byte in self._outgoing.read():
                        self.socket.sendall(bytes([byte]))

            client = Dripping(connection, client_context()).shake_hands()
            assert client.receive() == b"a"


# -- what is told ------------------------------------------------------------------------------------------------------


def test_nothing_of_a_key_or_a_certificate_is_shown(tmp_path: Path) -> None:
    pair, client = for_host("secret-name.example"), for_host("client.example")
    pair.write(tmp_path / "a.pem")
    client.write(tmp_path / "client.pem")
    secrets = [
        line for one in (pair, client) for line in (one.key_pem() + one.pem).decode().splitlines() if len(line) > 40
    ]
    port = free_port()
    with named_server("a") as server, udp_log_server() as log:
        lines = [f"bind 127.0.0.1:{port} ssl crt {tmp_path}/a.pem", f"log {log.target} local0 debug", "option tcplog",
                 f"server a 127.0.0.1:{server}",
                 f"server b 127.0.0.1:{server} ssl verify none crt {tmp_path}/client.pem check inter 1s"]  # fmt: skip
        with proxy("wproxy", tmp_path, *lines) as made:
            greeting(port)
            with suppress(OSError), connect(port) as nonsense:
                nonsense.sendall(b"GET / HTTP/1.0\r\n\r\n")
                nonsense.recv(100)
            log.wait_for("SSL handshake failure")
            commands = ("show info", "show stat", "show sess", "show errors", "show servers state", "show env", "help")
            told = "".join(made.stats.ask(command) for command in commands)
            told += "".join(log.receive())
        told += made.log
    check = subprocess.run([*WPROXY, "-c", "-V", "-f", "wproxy.cfg"], cwd=tmp_path, capture_output=True, check=True)
    told += (check.stdout + check.stderr).decode()
    assert not [secret for secret in secrets if secret in told]
    assert "PRIVATE KEY" not in told


def test_what_the_stats_socket_tells(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    with tcp_server(flood) as server:
        lines = [f"bind 127.0.0.1:{port} ssl crt {certificate}", f"server a 127.0.0.1:{server}"]
        with proxy("wproxy", tmp_path, *lines) as made:
            with tls_connect(port) as client:
                client.recv(1)
                own = client.getsockname()[1]
                told = made.stats.ask("show info")
                assert "CurrSslConns: 1\n" in told
                assert "CumSslConns: 1\n" in told
                assert "SslFrontendMaxKeyRate: 1\n" in told
                [session] = [line for line in made.stats.ask("show sess").splitlines() if f"127.0.0.1:{own}" in line]
                made.stats.ask(f"shutdown session {session.split(':')[0]}")
                with suppress(ssl.SSLError, ConnectionError):
                    while client.recv(65536):
                        pass
            wait_for(lambda: "CurrSslConns: 0\n" in made.stats.ask("show info"), what="its end")


def test_the_statistics_page(tmp_path: Path) -> None:
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    port = free_port()
    rest = (
        f"listen page\n mode http\n bind 127.0.0.1:{port} ssl crt {certificate} alpn h2,http/1.1\n timeout client 5s\n"
        " stats enable\n stats uri /\n"
    )
    with named_server("a") as server, proxy("wproxy", tmp_path, f"server a 127.0.0.1:{server}", rest=rest):
        context = client_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with tls_connect(port, None, context) as client:
            assert client.selected_alpn_protocol() == "http/1.1"
            client.sendall(b"GET /;csv HTTP/1.1\r\nHost: a\r\n\r\n")
            answer = b""
            while data := client.recv(65536):
                answer += data
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\nmain,a," in answer
