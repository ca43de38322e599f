"""Servers that speak TLS: what they are told, which are refused, how that is logged, and what checks say of them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.certificates import Request, authority, for_host, issue
from tests.support.log_lines import steady
from tests.support.logging_proxy import TCPLOG
from tests.support.programs import free_ports
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.syslog import LogServer, udp_log_server
from tests.support.tcp_server import connect
from tests.support.tls import Peer, tls_connect, tls_server
from tests.support.waiting import wait_for

# A server and the words on its line for each case; {} is the folder of the certificates.
CASES = {
    "trusted": ("tls", "ssl ca-file {}/ca.pem"),
    "told its name": ("tls", "ssl ca-file {}/ca.pem sni str(a.example)"),
    "a wildcard": ("tls", "ssl ca-file {}/ca.pem sni str(x.wild.example)"),
    "the client's name": ("tls", "ssl ca-file {}/ca.pem sni ssl_fc_sni"),
    "its name without SNI": ("tls", "ssl ca-file {}/ca.pem verifyhost a.example"),
    "not verified": ("tls", "ssl verify none sni str(any.example)"),
    "the system's authorities": ("tls", "ssl ca-file @system-ca"),
    "a folder of authorities": ("tls", "ssl ca-file {}/authorities"),
    "another authority": ("tls", "ssl ca-file {}/other.pem"),
    "another authority, TLSv1.2": ("tls12", "ssl ca-file {}/other.pem"),
    "another name": ("tls", "ssl ca-file {}/ca.pem verifyhost other.example"),
    "another name by SNI": ("tls", "ssl ca-file {}/ca.pem sni str(other.example)"),
    "SNI before verifyhost": ("tls", "ssl ca-file {}/ca.pem sni str(a.example) verifyhost other.example"),
    "expired": ("late", "ssl ca-file {}/ca.pem"),
    "expired, not verified": ("late", "ssl verify none"),
    "a protocol": ("tls", "ssl verify none alpn http/1.1"),
    "a protocol for checks": ("tls", "ssl verify none alpn x check-alpn http/1.1"),
    "no common protocol": ("tls", "ssl verify none alpn y"),
    "with a certificate": ("clients", "ssl verify none crt {}/client.pem"),
    "without its certificate": ("clients", "ssl verify none"),
    "without its certificate, TLSv1.2": ("clients12", "ssl verify none"),
    "1.2 at most": ("tls", "ssl verify none ssl-max-ver TLSv1.2"),
    "no 1.3": ("tls", "ssl verify none no-tlsv13"),
    "1.3 at least": ("tls12", "ssl verify none ssl-min-ver TLSv1.3"),
    "a cipher": ("tls", "ssl verify none force-tlsv12 ciphers ECDHE-ECDSA-AES128-SHA256"),
    "speaks no TLS": ("plain", "ssl verify none"),
    "says nothing": ("silent", "ssl verify none"),
    "a header before TLS": ("tls", "ssl verify none send-proxy"),
    "checks only": ("tls", "check-ssl verify none check-sni x.example"),
    "no TLS for checks": ("tls", "ssl verify none no-check-ssl"),
    "against the default": ("plain", "no-ssl"),
}

# All checks begin at once, in Python on both ends: a handshake that is late is none of a timeout's.
PATIENT, IMPATIENT = "check inter 9s fall 1", "check inter 500ms fall 1"
AT_ONCE = "global\n max-spread-checks 200ms\n"


@dataclass(frozen=True)
class Side:
    proxy: Proxy
    ports: dict[str, int]
    log: LogServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    ca, other = authority(), authority("other")
    for_host("a.example", "*.wild.example", signed_by=ca).write(folder / "a.pem")
    issue(Request("late", begins=-3, ends=-1), ca).write(folder / "late.pem")
    issue(Request("client"), ca).write(folder / "client.pem")
    for_host("front.example").write(folder / "front.pem")
    ca.write_certificate(folder / "ca.pem")
    other.write_certificate(folder / "other.pem")
    (folder / "authorities").mkdir()
    ca.write_certificate(folder / "authorities" / "one.pem")
    other.write_certificate(folder / "authorities" / "two.crt")
    return folder


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[tuple[Side, Side]]:
    own, tls12 = certificates / "a.pem", ssl.TLSVersion.TLSv1_2
    peers = {
        "tls": Peer(own),
        "tls12": Peer(own, highest=tls12),
        "late": Peer(certificates / "late.pem"),
        "clients": Peer(own, certificates / "ca.pem"),
        "clients12": Peer(own, certificates / "ca.pem", highest=tls12),
        "plain": Peer(plain=b"+OK this is no TLS at all\r\n" * 3),
        "silent": Peer(silent=True),
    }
    with ExitStack() as stack:
        servers = {name: stack.enter_context(tls_server(peer)) for name, peer in peers.items()}
        made = []
        unused = free_ports(2 * (len(CASES)))
        for program in ("haproxy", "wproxy"):
            log = stack.enter_context(udp_log_server())
            ports = {name: unused.pop() for name in CASES}
            sections = []
            for number, (name, (server, words)) in enumerate(CASES.items()):
                default = " default-server ssl verify none\n" if "no-ssl" in words else ""
                line = f"server s 127.0.0.1:{servers[server]} {words.replace('{}', str(certificates))}"
                sections.append(
                    f"listen l{number}\n bind 127.0.0.1:{ports[name]} ssl crt {certificates}/front.pem\n"
                    f" timeout connect 2s\n retries 1\n log {log.target} local0\n option tcplog\n{default} {line}\n"
                    f"backend b{number}\n timeout connect 9s\n{default} {line} "
                    + (IMPATIENT if server == "silent" else PATIENT)
                )
            folder = tmp_path_factory.mktemp(program)
            rest = "\n".join([AT_ONCE, *sections])
            made.append(Side(stack.enter_context(proxy(program, folder, rest=rest)), ports, log))
        yield made[0], made[1]


def number_of(case: str) -> int:
    return list(CASES).index(case)


def told(side: Side, case: str) -> tuple[bytes, str]:
    """Return what the server says it was told, and how the session ended."""
    side.log.receive()
    side.log.lines.clear()
    with tls_connect(side.ports[case], "wild.example" if case == "another name" else "x.wild.example") as client:
        client.sendall(b"hello ")
        answer = client.recv(1000)
        if answer:  # else the proxy has said goodbye already
            client.unwrap()
    [line] = side.log.wait_for(f"l{number_of(case)}~")
    found = TCPLOG.fullmatch(line)
    assert found is not None
    connected = re.sub(r"\d+", "T", found["tc"])
    return answer, f"{found['names']} {connected} {found['bytes']} {steady(found['rest'])}"


@pytest.mark.parametrize("case", CASES)
def test_connections(sides: tuple[Side, Side], case: str) -> None:
    theirs, ours = sides
    assert told(ours, case) == told(theirs, case)


# A server that knows no header hangs up while the check goes on writing: whether it sees that as an end or as a reset
# is chance.
CHECKED = [case for case in CASES if case != "a header before TLS"]


@pytest.mark.parametrize("case", CHECKED)
def test_checks(sides: tuple[Side, Side], case: str) -> None:
    def said(side: Side) -> tuple[str, ...]:
        stats = Stats(side.proxy.stats.path, f"b{number_of(case)}")

        def done() -> dict[str, str]:
            row = stats.row("s")
            row["check_status"] = row["check_status"].removeprefix("* ")
            return row if row["check_status"] not in ("INI", "") else {}

        row = wait_for(done, 10.0, f"check of {case}")
        # HAProxy adds the system's error when it happens to see a reset, and then and now has no words at all.
        words = re.sub(r" \(.*", "", row["last_chk"])
        return words, *(row[name] for name in ("status", "check_status", "check_code", "check_desc"))

    theirs, ours = (said(side) for side in sides)
    assert ours[1:] == theirs[1:]
    assert theirs[0] in (ours[0], "")


# Rules of checks with TLS, and what the server line says besides `check`.
RULES = {
    "by a rule": ("option tcp-check\n tcp-check connect ssl", "verify none"),
    "by a rule, the server has it, too": ("option tcp-check\n tcp-check connect ssl sni a.example", "ssl verify none"),
    "a rule without": ("option tcp-check\n tcp-check connect", "ssl verify none"),
    "the default's": ("option tcp-check\n tcp-check connect default", "ssl verify none"),
    "no rule about it": ("option tcp-check\n tcp-check send hello", "ssl verify none"),
    "verified by its name": ("option tcp-check\n tcp-check connect ssl sni a.example", "ca-file {}/ca.pem"),
    "verified by another": ("option tcp-check\n tcp-check connect ssl sni b.example", "ca-file {}/ca.pem"),
    "an answer": (
        "option tcp-check\n tcp-check connect ssl sni a.example\n tcp-check send hello\n"
        " tcp-check expect string helloa.example",
        "verify none",
    ),
    "another answer": (
        "option tcp-check\n tcp-check connect ssl\n tcp-check send hello\n tcp-check expect rstring hello[^N]",
        "verify none",
    ),
    "http": ("option httpchk\n http-check connect ssl sni a.example\n http-check send meth GET", "verify none"),
    "http by the server line": ("option httpchk", "check-ssl verify none"),
}


def test_rules_of_checks(certificates: Path, tmp_path: Path) -> None:
    with tls_server(Peer(certificates / "a.pem")) as port:
        rest = AT_ONCE + "\n".join(
            f"backend r{number}\n timeout connect 9s\n {rules}\n"
            f" server s 127.0.0.1:{port} {PATIENT} {words.replace('{}', str(certificates))}"
            for number, (rules, words) in enumerate(RULES.values())
        )

        def said_by(program: str) -> list[tuple[str, ...]]:
            folder = tmp_path / program
            folder.mkdir()
            with proxy(program, folder, "server s 127.0.0.1:1", rest=rest) as made:
                return [result(Stats(made.stats.path, f"r{number}")) for number in range(len(RULES))]

        def result(stats: Stats) -> tuple[str, ...]:
            def done() -> dict[str, str]:
                row = stats.row("s")
                return row if row["check_status"].removeprefix("* ") not in ("INI", "") else {}

            row = wait_for(done, 10.0, "a check")
            return row["status"], row["check_status"].removeprefix("* "), row["last_chk"]

        theirs, ours = said_by("haproxy"), said_by("wproxy")
        assert dict(zip(RULES, ours, strict=True)) == dict(zip(RULES, theirs, strict=True))


def test_sessions_are_resumed(certificates: Path, tmp_path: Path) -> None:
    """Keys are agreed upon once for each name, unless `no-ssl-reuse` is set."""
    with tls_server(Peer(certificates / "a.pem")) as port:

        def keys(words: str) -> str:
            line = f"server s 127.0.0.1:{port} ssl ca-file {certificates}/ca.pem sni str(a.example) {words}"
            with proxy("wproxy", tmp_path, line) as made:
                for _ in range(4):
                    with connect(made.port) as client:
                        client.sendall(b"hello ")
                        assert client.recv(1000).startswith(b"hello a.example")
                    made.stats.wait_until_idle("FRONTEND")
                    wait_for(lambda: "CurrSslConns: 0\n" in made.stats.ask("show info"), what="its end")
                [line] = [line for line in made.stats.ask("show info").splitlines() if "SslBackendMaxKeyRate" in line]
                return line.split()[1]

        assert keys("") == keys("ssl-max-ver TLSv1.2") == "1"
        assert int(keys("no-ssl-reuse")) > 1


def test_counters(sides: tuple[Side, Side]) -> None:
    """What an attempt that fails in the handshake adds, where it is tried again and where it is not."""

    def counted(side: Side, case: str) -> list[int]:
        columns = ("stot", "econ", "eresp", "wretr", "wredis")
        stats = Stats(side.proxy.stats.path, f"l{number_of(case)}")
        before = stats.numbers("s", *columns)
        told(side, case)
        return [now - then for now, then in zip(stats.numbers("s", *columns), before, strict=True)]

    for case in ("trusted", "another authority", "another name", "another name by SNI", "says nothing"):
        theirs, ours = (counted(side, case) for side in sides)
        assert ours == theirs, case


def test_a_server_added_at_runtime(certificates: Path, tmp_path: Path) -> None:
    with (
        tls_server(Peer(certificates / "a.pem")) as port,
        proxy("wproxy", tmp_path, "server down 127.0.0.1:1 disabled") as added,
    ):
        words = f"ssl ca-file {certificates}/ca.pem sni str(a.example) check"
        assert added.stats.ask(f"add server main/n 127.0.0.1:{port} ssl") == (
            "verify is enabled by default but no CA file specified: add 'ca-file' with the authority of the server's "
            "certificate, or '@system-ca'; where you trust the network, 'verify none'\n\n"
        )
        assert "New server registered" in added.stats.ask(f"add server main/n 127.0.0.1:{port} {words}")
        added.stats.ask("enable server main/n")
        with connect(added.port) as client:
            client.sendall(b"hello ")
            assert client.recv(1000) == b"hello a.example None TLSv1.3 False"
