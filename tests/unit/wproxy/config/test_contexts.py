from __future__ import annotations

import ssl
from base64 import encodebytes
from contextlib import nullcontext
from decimal import Decimal, localcontext
from pathlib import Path

import pytest

from tests.support.certificates import Request, authority, for_host, issue, revoked
from tests.support.memory_tls import client_context, shake_hands
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse
from wproxy.config.model import Config
from wproxy.config.tls import TlsObject, TlsServer
from wproxy.config.x509 import read

CA = authority()
A = for_host("a.example", "www.a.example", signed_by=CA)
B = for_host("b.example", "*.b.example", signed_by=CA)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    A.write(tmp_path / "a.pem")
    B.write(tmp_path / "b.pem")
    CA.write_certificate(tmp_path / "ca.pem")


def configured(bind: str, settings: str = "", mode: str = "tcp") -> Config:
    text = f"global\n {settings}\nfrontend f\n mode {mode}\n bind :1 {bind}\n timeout client 1s\n"
    return parse(text, "a.cfg", {})


def context_of(bind: str, settings: str = "") -> ssl.SSLContext:
    tls = configured(bind, settings).frontends[0].binds[0].tls
    assert tls is not None
    return tls.context


def server_of(words: str, settings: str = "") -> TlsServer | None:
    text = f"global\n {settings}\nbackend b\n timeout connect 1s\n timeout server 1s\n server s 127.0.0.1:1 {words}\n"
    return parse(text, "a.cfg", {}).backends[0].servers[0].tls


def shown(bind: str, name: str | None) -> str:
    """Return the first name of the certificate that a client gets."""
    client, _ = shake_hands(context_of(bind), client_context(), name)
    der = client.getpeercert(binary_form=True)
    assert der is not None
    return read(der).names[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.example", "a.example"),
        ("WWW.a.Example", "a.example"),
        ("b.example", "b.example"),
        ("x.b.example", "b.example"),
        ("x.y.b.example", "a.example"),
        ("other.example", "a.example"),
        (None, "a.example"),
    ],
)
@pytest.mark.parametrize("words", ["crt a.pem crt b.pem", "crt .", "crt a.pem crt b.pem crt a.pem"])
def test_the_certificate_for_a_name(words: str, name: str | None, expected: str) -> None:
    Path("ca.pem").unlink()
    assert shown(f"ssl {words}", name) == expected


@pytest.mark.parametrize("name", ["other.example", None])
def test_strict_sni(name: str | None) -> None:
    strict = context_of("ssl crt a.pem strict-sni")
    with pytest.raises(ssl.SSLError):
        shake_hands(strict, client_context(), name)
    shake_hands(strict, client_context(), "a.example")


def test_the_name_is_known_afterwards() -> None:
    _, served = shake_hands(context_of("ssl crt a.pem"), client_context(), "x.example")
    assert isinstance(served, TlsObject)
    assert served.sni == "x.example"


def test_one_name_with_two_kinds_of_keys(tmp_path: Path) -> None:
    for_host("a.example", kind="rsa").write(tmp_path / "a2.pem")
    both = context_of("ssl crt a.pem crt a2.pem")
    kinds = []
    for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        client = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        client.set_ciphers(ciphers)
        der = shake_hands(both, client, "a.example")[0].getpeercert(binary_form=True)
        assert der is not None
        kinds.append(read(der).key)
    assert kinds == ["ecdsa", "rsa"]


@pytest.mark.parametrize(
    ("words", "version"),
    [
        ("", "TLSv1.3"),
        ("ssl-max-ver TLSv1.2", "TLSv1.2"),
        ("force-tlsv12", "TLSv1.2"),
        ("no-tlsv13", "TLSv1.2"),
    ],
)
@pytest.mark.parametrize("everywhere", [False, True])
def test_versions(words: str, version: str, *, everywhere: bool) -> None:
    options = f"ssl-default-bind-options {words}" if everywhere and words else ""
    made = context_of("ssl crt a.pem " + ("" if everywhere else words), options)
    assert shake_hands(made, client_context())[0].version() == version


def test_a_version_that_the_client_does_not_speak() -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(
            context_of("ssl crt a.pem ssl-min-ver TLSv1.3"), client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
        )


@pytest.mark.parametrize(
    ("words", "cipher"),
    [
        ("ciphersuites TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"),
        ("no-tlsv13 ciphers ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA256"),
    ],
)
def test_ciphers(words: str, cipher: str) -> None:
    client, _ = shake_hands(context_of(f"ssl crt a.pem {words}"), client_context())
    found = client.cipher()
    assert found is not None
    assert found[0] == cipher


def test_whose_order_of_ciphers_counts() -> None:
    client = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    chosen = []
    for words in ("", "prefer-client-ciphers"):
        cipher = shake_hands(context_of(f"ssl crt a.pem {words}"), client)[0].cipher()
        assert cipher is not None
        chosen.append(cipher[0])
    assert chosen == ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]


def test_protocols() -> None:
    client = client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    made = context_of("ssl crt a.pem alpn h2,http/1.1")
    assert shake_hands(made, client)[0].selected_alpn_protocol() == "h2"


def test_mode_http_offers_no_http2() -> None:
    text = "frontend f\n mode http\n bind :1 ssl crt a.pem alpn h2,http/1.1\n timeout client 1s\n stats uri /\n"
    config = parse(text, "a.cfg", {})
    assert "[a.cfg:3] : 'bind *:1' in section 'frontend' : 'alpn' : h2 is not offered" in config.warnings[0]
    tls = config.frontends[0].binds[0].tls
    assert tls is not None
    client = client_context()
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert shake_hands(tls.context, client)[0].selected_alpn_protocol() == "http/1.1"


def test_clients_with_certificates(tmp_path: Path) -> None:
    known, unknown = issue(Request("client"), CA), issue(Request("client"))
    (tmp_path / "crl.pem").write_bytes(revoked(CA, known))
    words = "ssl crt a.pem ca-file ca.pem verify"

    def served(bind: str, path: Path | None) -> bool:
        client = client_context()
        if path is not None:
            client.load_cert_chain(path)
        return shake_hands(context_of(bind), client)[1].getpeercert(binary_form=True) is not None

    good, bad = known.write(tmp_path / "known.pem"), unknown.write(tmp_path / "unknown.pem")
    assert served(f"{words} required", good)
    assert served(f"{words} optional", good)
    assert not served(f"{words} optional", None)
    assert not served(f"{words} none", good)
    for bind, path in (
        (f"{words} required", None),
        (f"{words} required", bad),
        (f"{words} optional", bad),
        (f"{words} required crl-file crl.pem", good),
    ):
        with pytest.raises(ssl.SSLError):
            served(bind, path)


def test_dates_are_warnings(tmp_path: Path) -> None:
    issue(Request("old.example", begins=-9, ends=-2)).write(tmp_path / "old.pem")
    issue(Request("new.example", begins=2)).write(tmp_path / "new.pem")
    old, new = configured("ssl crt old.pem crt new.pem").warnings[:2]
    assert "the certificate in 'old.pem' has expired on 20" in old
    assert "the certificate in 'new.pem' is not valid before 20" in new


def test_a_certificate_without_ssl() -> None:
    config = configured("crt a.pem")
    assert config.frontends[0].binds[0].tls is None
    assert "'crt' has no effect without 'ssl'" in config.warnings[0]


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("ssl", "no SSL certificate specified: add 'crt' with a file, or a folder that has one"),
        ("ssl crt none.pem", "'crt' : cannot read 'none.pem': No such file or directory"),
        ("ssl crt a.pem verify required", "verify is enabled but no CA file specified: add 'ca-file'"),
        ("ssl crt a.pem ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2", "all SSL/TLS versions are disabled"),
        ("ssl crt a.pem ciphers x", "'ciphers' : OpenSSL knows no such list of ciphers: 'x'"),
    ],
)
def test_problems_of_clients(words: str, problem: str) -> None:
    assert problem_of(f"frontend f\n bind :1 {words}\n") == f"'bind *:1' in section 'frontend' : {problem}"


def test_a_disabled_section_is_not_looked_at() -> None:
    parse("frontend f\n disabled\n bind :1 ssl crt none.pem\n", "a.cfg", {})


# -- servers -----------------------------------------------------------------------------------------------------------


def test_a_server() -> None:
    tls = server_of("ssl ca-file ca.pem sni str(a.example) verifyhost b.example alpn x,y ssl-max-ver TLSv1.2")
    assert tls is not None
    assert (tls.sni, tls.sni_of, tls.verifyhost, tls.verified) == ("a.example", None, "b.example", True)
    server = context_of("ssl crt a.pem alpn y")
    client, _ = shake_hands(server, tls.context, tls.sni)
    assert (client.version(), client.selected_alpn_protocol()) == ("TLSv1.2", "y")


def test_a_server_from_nowhere(tmp_path: Path) -> None:
    for_host("a.example").write(tmp_path / "self.pem")
    strict, lax = server_of("ssl ca-file ca.pem"), server_of("ssl verify none")
    assert strict is not None
    assert lax is not None
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context_of("ssl crt self.pem"), strict.context)
    shake_hands(context_of("ssl crt self.pem"), lax.context)


def test_a_certificate_for_the_server(tmp_path: Path) -> None:
    issue(Request("client"), CA).write(tmp_path / "client.pem")
    tls = server_of("ssl verify none crt client.pem")
    assert tls is not None
    _, served = shake_hands(context_of("ssl crt a.pem ca-file ca.pem verify required"), tls.context)
    assert served.getpeercert(binary_form=True) is not None


def test_a_name_from_the_client() -> None:
    tls = server_of("ssl verify none sni ssl_fc_sni")
    assert tls is not None
    assert tls.sni is None
    assert tls.sni_of is not None


@pytest.mark.parametrize(
    ("words", "secured"),
    [
        ("check", False),
        ("check ssl", True),
        ("ssl", False),
        ("check ssl no-check-ssl", False),
        ("check ssl port 5", False),
        ("check ssl addr 127.0.0.2", False),
        ("check ssl port 5 check-ssl", True),
        ("check check-ssl", True),
    ],
)
def test_which_checks_speak_tls(words: str, *, secured: bool) -> None:
    text = f"backend b\n timeout connect 1s\n timeout server 1s\n server s 127.0.0.1:1 verify none {words}\n"
    check = parse(text, "a.cfg", {}).backends[0].servers[0].check
    assert (check is not None and check.tls is not None) is secured


def test_what_checks_tell() -> None:
    text = (
        "backend b\n timeout connect 1s\n timeout server 1s\n"
        " server s 127.0.0.1:1 ssl verify none sni str(a) check check-sni b check-alpn x\n"
    )
    line = parse(text, "a.cfg", {}).backends[0].servers[0]
    assert line.check is not None
    assert line.check.tls is not None
    assert line.tls is not None
    assert (line.tls.sni, line.check.tls.sni) == ("a", "b")
    server = context_of("ssl crt a.pem alpn x")
    assert shake_hands(server, line.check.tls.context)[0].selected_alpn_protocol() == "x"
    assert shake_hands(server, line.tls.context)[0].selected_alpn_protocol() is None


def test_the_default_of_all_servers() -> None:
    tls = server_of("ssl", "ssl-server-verify none\n ssl-default-server-options ssl-max-ver TLSv1.2")
    assert tls is not None
    assert not tls.verified
    assert shake_hands(context_of("ssl crt a.pem"), tls.context)[0].version() == "TLSv1.2"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("ssl", "verify is enabled by default but no CA file specified: add 'ca-file' with the authority of the "
         "server's certificate, or '@system-ca'; where you trust the network, 'verify none'"),
        ("ssl ca-file none.pem", "'ca-file' : cannot read 'none.pem': No such file or directory"),
        ("ca-file none.pem", "'ca-file' : cannot read 'none.pem': No such file or directory"),
        ("ssl verify none crt none.pem", "'crt' : cannot read 'none.pem': No such file or directory"),
    ],
)  # fmt: skip
def test_problems_of_servers(words: str, problem: str) -> None:
    assert problem_of(f"backend b\n server s 127.0.0.1:1 {words}\n") == f"'server b/s' : {problem}"


# -- what else lines and the global section say ------------------------------------------------------------------------


def parameters() -> bytes:
    """Return the parameters of Diffie-Hellman that RFC 7919 calls ffdhe2048."""
    with localcontext() as context_of_numbers:
        context_of_numbers.prec = 700
        e = int(Decimal(1).exp() * 2**1918)
    prime = 2**2048 - 2**1984 + (e + 560316) * 2**64 - 1
    der = b"\x30\x82\x01\x08\x02\x82\x01\x01\x00" + prime.to_bytes(256) + b"\x02\x01\x02"
    name = b"DH PARAMETERS-----\n"
    return b"-----BEGIN " + name + encodebytes(der) + b"-----END " + name


@pytest.mark.parametrize(
    ("bind", "settings", "agrees"),
    [
        ("ssl crt rsa.pem", "", False),
        ("ssl crt both.pem", "", True),
        ("ssl crt rsa.pem", "ssl-dh-param-file dh.pem", True),
        ("ssl crt rsa.pem", "tune.ssl.default-dh-param 2048", True),
    ],
)
def test_diffie_hellman(tmp_path: Path, bind: str, settings: str, *, agrees: bool) -> None:
    for_host("a.example", kind="rsa").write(tmp_path / "rsa.pem")
    (tmp_path / "dh.pem").write_bytes(parameters())
    (tmp_path / "both.pem").write_bytes((tmp_path / "rsa.pem").read_bytes() + parameters())
    client = client_context(maximum_version=ssl.TLSVersion.TLSv1_2)
    client.set_ciphers("DHE-RSA-AES128-GCM-SHA256")
    served = context_of(bind, settings)
    with nullcontext() if agrees else pytest.raises(ssl.SSLError):
        shake_hands(served, client)


def test_without_tickets() -> None:
    served = context_of("ssl crt a.pem no-tls-tickets")
    assert (served.options & ssl.OP_NO_TICKET, served.num_tickets) == (ssl.OP_NO_TICKET, 0)
    tls = server_of("ssl verify none no-tls-tickets")
    assert tls is not None
    assert tls.context.options & ssl.OP_NO_TICKET
    assert not context_of("ssl crt a.pem").options & ssl.OP_NO_TICKET


def test_words_about_versions_that_have_no_effect() -> None:
    [warning] = configured("ssl crt a.pem ssl-min-ver TLSv1.2 no-tlsv13").warnings
    assert warning.endswith("no-sslv3/no-tlsv1x are ignored beside 'ssl-min-ver' and 'ssl-max-ver': use only these")


def test_groups() -> None:
    client = client_context()
    client.set_ecdh_curve("secp384r1")
    shake_hands(context_of("ssl crt a.pem curves X25519:P-384"), client)
    with pytest.raises(ssl.SSLError):
        shake_hands(context_of("ssl crt a.pem curves X25519"), client)


def test_a_rule_of_a_check_that_asks_for_tls() -> None:
    text = (
        "backend b\n timeout connect 1s\n timeout server 1s\n option tcp-check\n tcp-check connect ssl\n"
        " server s 127.0.0.1:1 check verify none\n"
    )
    line = parse(text, "a.cfg", {}).backends[0].servers[0]
    assert line.check is not None
    assert line.check.rule_tls is not None
    assert (line.tls, line.check.tls) == (None, None)
    shake_hands(context_of("ssl crt a.pem"), line.check.rule_tls.context)
