"""Clients that speak TLS: the same certificate, version, cipher and protocol as from HAProxy, the same log lines."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import Request, authority, for_host, issue, revoked
from tests.support.log_lines import steady
from tests.support.logging_proxy import TCPLOG
from tests.support.memory_tls import client_context
from tests.support.programs import free_ports
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.syslog import LogServer, udp_log_server
from tests.support.tcp_server import connect, reset
from tests.support.tls import Peer, tls_connect, tls_server
from tests.support.waiting import wait_for
from wproxy.config.x509 import read

# A section for each way to be reached; {} is the folder of the certificates.
SECTIONS = {
    "one": "ssl crt {}/a.pem",
    "names": "ssl crt {}/a.pem crt {}/b.pem crt {}/rsa.pem",
    "folder": "ssl crt {}/folder",
    "list": "ssl crt-list {}/list",
    "fallback": "ssl crt-list {}/fallback",
    "strictlist": "ssl crt-list {}/list strict-sni",
    "strict": "ssl crt {}/a.pem crt {}/b.pem strict-sni",
    "tls12": "ssl crt {}/a.pem ssl-max-ver TLSv1.2",
    "tls13": "ssl crt {}/a.pem ssl-min-ver TLSv1.3",
    "no13": "ssl crt {}/a.pem no-tlsv13",
    "force12": "ssl crt {}/a.pem force-tlsv12",
    "ciphers": "ssl crt {}/a.pem no-tlsv13 ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
    "clients": "ssl crt {}/a.pem no-tlsv13 prefer-client-ciphers",
    "suites": "ssl crt {}/a.pem ciphersuites TLS_CHACHA20_POLY1305_SHA256",
    "rsa": "ssl crt {}/rsa.pem no-tlsv13",
    "dh": "ssl crt {}/dh.pem no-tlsv13",
    "alpn": "ssl crt {}/a.pem alpn http/1.1,x",
    "required": "ssl crt {}/a.pem ca-file {}/ca.pem verify required",
    "optional": "ssl crt {}/a.pem ca-file {}/ca.pem verify optional",
    "revoked": "ssl crt {}/a.pem ca-file {}/ca.pem crl-file {}/crl.pem verify required",
    "header": "name outside ssl crt {}/a.pem accept-proxy",
}
OPTIONS = {"quiet": ("ssl crt {}/a.pem", "option dontlognull\n option log-separate-errors")}


# RFC 7919's group of 2,048 bits.
DH = subprocess.run(
    ["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048"],
    capture_output=True, check=True,
).stdout  # fmt: skip


@dataclass(frozen=True)
class Side:
    """One of the two programs: its sections' ports and the log it writes."""

    proxy: Proxy
    ports: dict[str, int]
    log: LogServer
    folder: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    ca = authority()
    a, b = for_host("a.example", "*.wild.example", signed_by=ca), for_host("b.example", "deep.wild.example")
    client, gone = issue(Request("client"), ca), issue(Request("gone"), ca)
    (folder / "folder").mkdir()
    a.write(folder / "a.pem")
    a.write(folder / "folder" / "z.pem")
    b.write(folder / "b.pem")
    b.write(folder / "folder" / "y.pem")
    rsa = for_host("r.example", kind="rsa").write(folder / "rsa.pem")
    (folder / "dh.pem").write_bytes(rsa.read_bytes() + DH)
    ca.write_certificate(folder / "ca.pem")
    client.write(folder / "client.pem")
    gone.write(folder / "gone.pem")
    issue(Request("stranger")).write(folder / "stranger.pem")
    issue(Request("late", begins=-3, ends=-1), ca).write(folder / "late.pem")
    (folder / "list").write_text(
        f"# the first is the default\n\n{folder}/a.pem other.example\n"
        f"{folder}/b.pem *.list.example !not.list.example one.example\n{folder}/rsa.pem\n"
    )
    (folder / "fallback").write_text(f"{folder}/a.pem !*\n{folder}/b.pem\n")
    (folder / "crl.pem").write_bytes(revoked(ca, gone))
    return folder


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:
        port = stack.enter_context(tls_server(Peer(certificate=certificates / "a.pem")))
        made = []
        unused = free_ports(2 * (len(SECTIONS) + len(OPTIONS)))
        for program in ("haproxy", "wproxy"):
            log = stack.enter_context(udp_log_server())
            ports = {name: unused.pop() for name in (*SECTIONS, *OPTIONS)}
            logging = f"log {log.target} local0\n option tcplog"
            sections = [(name, words, "") for name, words in SECTIONS.items()]
            sections += [(name, words, more) for name, (words, more) in OPTIONS.items()]
            rest = "\n".join(
                f"listen {name}\n bind 127.0.0.1:{ports[name]} {words.replace('{}', str(certificates))}\n"
                f" timeout client 1s\n {logging}\n {more}\n server s 127.0.0.1:{port} ssl verify none"
                for name, words, more in sections
            )
            folder = tmp_path_factory.mktemp(program)
            made.append(Side(stack.enter_context(proxy(program, folder, rest=rest)), ports, log, certificates))
        yield made[0], made[1]


@contextmanager
def logging(side: Side, count: int) -> Iterator[None]:
    """Leave `count` clients behind, and none of their lines for the next test."""
    side.log.receive()
    side.log.lines.clear()
    yield
    side.log.wait_for("", count)


def said_by(side: Side, act: Callable[[Side], object]) -> list[object]:
    """Return what a client saw, and the log line about it without times and ports."""
    side.log.receive()
    side.log.lines.clear()
    try:
        seen = act(side)
    except ssl.SSLError as error:
        seen = error.reason
    except OSError as error:
        seen = type(error).__name__
    [line] = side.log.wait_for("")
    return [seen, facts(line)]


def facts(line: str) -> str:
    found = TCPLOG.fullmatch(line)
    if found is not None:
        return f"{found['priority']} {found['names']} {found['bytes']} {steady(found['rest'])}"
    return steady(line).partition("]: ")[2]


def talk(connection: ssl.SSLSocket) -> list[object]:
    """Return what a client learns of its connection."""
    with connection:
        connection.sendall(b"hello ")
        answer = connection.recv(1000)
        der = connection.getpeercert(binary_form=True)
        cipher = connection.cipher()
        assert der is not None
        assert cipher is not None
        facts = [read(der).names[0], connection.version(), cipher[0], connection.selected_alpn_protocol()]
        connection.unwrap().close()
        return [*facts, answer]


def client(
    section: str, name: str | None = None, certificate: str = "", **settings: object
) -> Callable[[Side], object]:
    """Return what connects to `section` under `name`, with `certificate`; `settings` are those of the context."""

    def act(side: Side) -> object:
        context = client_context()
        ciphers = settings.get("ciphers")
        for key, value in settings.items():
            if key == "alpn":
                context.set_alpn_protocols(value)  # type: ignore[arg-type] # a list
            elif key != "ciphers":
                setattr(context, key, value)
        if ciphers:
            context.set_ciphers(str(ciphers))
        if certificate:
            context.load_cert_chain(side.folder / certificate)
        return talk(tls_connect(side.ports[section], name, context))

    return act


TLS12 = ssl.TLSVersion.TLSv1_2
CLIENTS = {
    "no name": client("names"),
    "the first": client("names", "a.example"),
    "the second": client("names", "b.example"),
    "in capitals": client("names", "B.EXAMPLE"),
    "an RSA key": client("names", "r.example"),
    "a wildcard": client("names", "x.wild.example"),
    "a name before a wildcard": client("names", "deep.wild.example"),
    "two labels for a wildcard": client("names", "x.y.wild.example"),
    "the wildcard's parent": client("names", "wild.example"),
    "nobody's name": client("names", "other.example"),
    "a folder's first": client("folder"),
    "a folder's second": client("folder", "a.example"),
    **{
        f"{section}: {name}": client(section, name)
        for section in ("list", "strictlist", "fallback")
        for name in (
            "a.example",
            "x.wild.example",
            "other.example",
            "b.example",
            "one.example",
            "x.list.example",
            "not.list.example",
            "r.example",
            "list.example",
        )
    },
    "strict, a name": client("strict", "b.example"),
    "strict, nobody's": client("strict", "other.example"),
    "strict, none": client("strict"),
    "TLSv1.3": client("one"),
    "TLSv1.2": client("one", maximum_version=TLS12),
    "1.2 at most": client("tls12"),
    "1.3 at least": client("tls13"),
    "1.3 at least, 1.2 comes": client("tls13", maximum_version=TLS12),
    "no 1.3": client("no13"),
    "1.2 forced": client("force12"),
    "the server's order of ciphers": client(
        "ciphers", ciphers="ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    ),
    "no common cipher": client("ciphers", ciphers="ECDHE-ECDSA-CHACHA20-POLY1305", maximum_version=TLS12),
    "the client's order of ciphers": client(
        "clients", ciphers="ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    ),
    "a cipher suite": client("suites"),
    "no ephemeral Diffie-Hellman": client("rsa", ciphers="DHE-RSA-AES128-GCM-SHA256"),
    "ephemeral Diffie-Hellman with parameters": client("dh", ciphers="DHE-RSA-AES128-GCM-SHA256"),
    "a protocol": client("alpn", alpn=["h2", "x", "http/1.1"]),
    "no common protocol": client("alpn", alpn=["h2"]),
    "a certificate": client("required", certificate="client.pem"),
    "no certificate": client("required"),
    "no certificate, TLSv1.2": client("required", maximum_version=TLS12),
    "a stranger's certificate": client("required", certificate="stranger.pem"),
    "a stranger's certificate, TLSv1.2": client("required", certificate="stranger.pem", maximum_version=TLS12),
    "an expired certificate": client("required", certificate="late.pem"),
    "optional, a certificate": client("optional", certificate="client.pem"),
    "optional, none": client("optional"),
    "optional, a stranger's": client("optional", certificate="stranger.pem"),
    "not revoked": client("revoked", certificate="client.pem"),
    "a revoked certificate": client("revoked", certificate="gone.pem"),
}


@pytest.mark.parametrize("case", CLIENTS)
def test_clients(sides: tuple[Side, Side], case: str) -> None:
    theirs, ours = sides
    assert said_by(ours, CLIENTS[case]) == said_by(theirs, CLIENTS[case])


def leaves(side: Side) -> None:
    connect(side.ports["one"]).close()


def leaves_in_the_middle(side: Side) -> None:
    with connect(side.ports["one"]) as connection:
        connection.sendall(b"\x16\x03\x01\x02")


def resets(side: Side) -> None:
    connection = connect(side.ports["one"])
    connection.sendall(b"\x16\x03\x01\x02")
    reset(connection)


def resets_before_it_is_accepted(side: Side) -> None:
    """Who it was is known all the same."""
    side.proxy.process.send_signal(signal.SIGSTOP)
    state = Path(f"/proc/{side.proxy.process.pid}/stat")
    wait_for(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", what="it has stopped")
    try:
        resets(side)
    finally:
        side.proxy.process.send_signal(signal.SIGCONT)


def is_late(side: Side) -> object:
    with connect(side.ports["one"]) as connection:
        return connection.recv(1)


def speaks_http(side: Side, section: str = "one") -> object:
    with connect(side.ports[section]) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return connection.recv(100)


def distrusts(side: Side) -> object:
    context = ssl.create_default_context()
    return talk(tls_connect(side.ports["one"], "a.example", context))


def sends_a_header(side: Side) -> object:
    preface = b"PROXY TCP4 192.0.2.7 192.0.2.8 7 8\r\n"
    return talk(tls_connect(side.ports["header"], "a.example", preface=preface))


def sends_a_header_and_no_tls(side: Side) -> object:
    with connect(side.ports["header"]) as connection:
        connection.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.8 7 8\r\nGET / HTTP/1.0\r\n\r\n")
        return connection.recv(100)


def leaves_before_its_header(side: Side) -> None:
    connect(side.ports["header"]).close()


def speaks_http_where_only_errors_count(side: Side) -> object:
    return speaks_http(side, "quiet")


@pytest.mark.parametrize(
    "act",
    [
        leaves, leaves_in_the_middle, resets, resets_before_it_is_accepted, is_late, speaks_http, distrusts,
        sends_a_header, sends_a_header_and_no_tls, leaves_before_its_header, speaks_http_where_only_errors_count,
    ],
)  # fmt: skip
def test_clients_that_fail(sides: tuple[Side, Side], act: Callable[[Side], object]) -> None:
    theirs, ours = sides
    assert said_by(ours, act) == said_by(theirs, act)


def test_who_says_nothing_is_not_logged(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.log.receive()
        side.log.lines.clear()
        connect(side.ports["quiet"]).close()
        talk(tls_connect(side.ports["quiet"]))
        assert len(side.log.wait_for("quiet~")) == len(side.log.lines) == 1


def test_counters(sides: tuple[Side, Side]) -> None:
    """Sessions are only those whose handshake was good; connections are all."""

    def counted(side: Side) -> list[int]:
        columns = ("stot", "conn_tot", "ereq", "dreq", "bin", "bout", "scur")
        stats = Stats(side.proxy.stats.path, "one")
        before = stats.numbers("FRONTEND", *columns)
        for act in (client("one"), client("one"), speaks_http):
            said_by(side, act)
        stats.wait_until_idle("FRONTEND")
        return [now - then for now, then in zip(stats.numbers("FRONTEND", *columns), before, strict=True)]

    theirs, ours = sides
    assert counted(ours) == counted(theirs)


def test_openssls_client(sides: tuple[Side, Side]) -> None:
    """A client with another library's manners: resumed sessions, and the chain as it was sent."""

    def told(side: Side) -> list[str]:
        command = ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{side.ports['names']}"]
        command += ["-servername", "b.example"]
        session = str(side.proxy.folder / "session")
        lines = []
        for more in (["-sess_out", session], ["-sess_in", session]):
            with logging(side, 1):
                run = subprocess.run(
                    [*command, *more],
                    input=b"hello",
                    capture_output=True,
                    timeout=20,
                    check=True,
                    cwd=side.proxy.folder,
                )
            lines += re.findall(
                rb"^(?:New|Reused), .*|^subject=.*|^ALPN.*|^Secure Reneg.*|^Server Temp.*", run.stdout, re.MULTILINE
            )
        return [line.decode() for line in lines]

    theirs, ours = sides
    assert told(ours) == told(theirs)
    assert any(line.startswith("Reused") for line in told(ours))


def test_no_renegotiation(sides: tuple[Side, Side]) -> None:
    for side in sides:
        command = ["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{side.ports['one']}"]
        with logging(side, 1):
            run = subprocess.run(command, input=b"R\n", capture_output=True, timeout=20, check=False)
        assert b"no renegotiation" in run.stderr


def test_a_name_that_is_no_name(sides: tuple[Side, Side]) -> None:
    """Bytes that are no text in the SNI end a client's handshake at most, never more than that."""
    for side in sides:
        hello = ssl.MemoryBIO()
        made = client_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="a.example")
        with pytest.raises(ssl.SSLWantReadError):
            made.do_handshake()
        with logging(side, 1), connect(side.ports["one"]) as connection:
            connection.sendall(hello.read().replace(b"a.example", b"\xff\x00.ex\xc3mpl"))
            connection.settimeout(5)
            assert connection.recv(1)
            connection.shutdown(socket.SHUT_RDWR)
        talk(tls_connect(side.ports["one"]))
