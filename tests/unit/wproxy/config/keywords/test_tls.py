from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.grammar import Report
from wproxy.config.reader import Reader
from wproxy.config.tls_draft import TlsDraft, TlsFiles


def read(text: str) -> Reader:
    report = Report()
    reader = Reader({}, report)
    reader.read(text, "a.cfg")
    assert not report.problems
    return reader


def bind(words: str) -> TlsDraft:
    return read(f"listen l\n bind :1 {words}\n").proxies[0].binds[0].tls


def server(words: str, default: str = "") -> TlsDraft:
    line = f" default-server {default}\n" if default else ""
    return read(f"backend b\n{line} server s 127.0.0.1:1 {words}\n").proxies[0].servers[0].tls


def files(*lines: str) -> TlsFiles:
    return read("\n ".join(["global", *lines, ""])).globals.tls


def test_a_bind_line() -> None:
    assert bind("ssl crt a crt b alpn h2,http/1.1 strict-sni no-tls-tickets no-sslv3 no-tlsv10") == TlsDraft(
        on=True,
        certificates=("a", "b"),
        alpn=("h2", "http/1.1"),
        strict_sni=True,
        tickets=False,
        without=frozenset({"SSLv3", "TLSv1.0"}),
    )
    assert bind("ca-file c crl-file r verify optional curves X25519 ciphers A ciphersuites B") == TlsDraft(
        ca_file="c", crl_file="r", verify="optional", curves="X25519", ciphers="A", ciphersuites="B"
    )


def test_force_is_lowest_and_highest() -> None:
    assert bind("force-tlsv12") == TlsDraft(min_version="TLSv1.2", max_version="TLSv1.2")


def test_a_server_line_against_its_default() -> None:
    default = "ssl verify required ca-file c verifyhost h no-tls-tickets check-ssl crt a"
    assert server("no-ssl no-verifyhost tls-tickets no-check-ssl crt b", default) == TlsDraft(
        verify="required", ca_file="c", certificates=("b",), check=False
    )
    assert server("", default).on


def test_lines_do_not_change_each_other() -> None:
    proxy = read("backend b\n server s 127.0.0.1:1 ssl\n server t 127.0.0.1:1\n").proxies[0]
    assert [line.tls.on for line in proxy.servers] == [True, False]


def test_the_global_section() -> None:
    made = files(
        "ca-base /c",
        "crt-base /k",
        "ssl-default-bind-options ssl-min-ver TLSv1.3 no-tls-tickets strict-sni prefer-client-ciphers",
        "ssl-default-bind-ciphers A",
        "ssl-default-bind-ciphersuites B",
        "ssl-default-bind-curves C",
        "ssl-default-server-options no-tlsv12",
        "ssl-default-server-ciphers D",
        "ssl-default-server-ciphersuites E",
        "ssl-server-verify none",
        "ssl-load-extra-files ocsp",
        "ssl-load-extra-del-ext",
        "tune.ssl.default-dh-param 2048",
    )
    assert made == TlsFiles(
        ca_base="/c",
        crt_base="/k",
        loads_key=False,
        loads_bundle=False,
        drops_extension=True,
        dh=True,
        bind=TlsDraft(
            min_version="TLSv1.3",
            tickets=False,
            strict_sni=True,
            clients_order=True,
            ciphers="A",
            ciphersuites="B",
            curves="C",
        ),
        server=TlsDraft(without=frozenset({"TLSv1.2"}), ciphers="D", ciphersuites="E", verify="none"),
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listen l\n bind :1 crt", "'bind' : 'crt' expects a file or a folder"),
        ("listen l\n bind :1 alpn ,", "'bind' : 'alpn' expects names of protocols with commas between them, such as "
         "h2,http/1.1"),
        ("listen l\n bind :1 verify maybe", "'bind' : 'verify' knows 'none', 'optional', 'required', not 'maybe'"),
        ("listen l\n bind :1 ssl-min-ver 1", "'bind' : 'ssl-min-ver' knows SSLv3, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3, "
         "not '1'"),
        ("listen l\n bind :1 tls-ticket-keys x", "'bind' : HAProxy's keyword 'tls-ticket-keys' is not supported by "
         "wproxy"),
        ("backend b\n server s 127.0.0.1:1 verify optional", "'server s' : 'verify' knows 'none', 'required', not "
         "'optional'"),
        ("global\n ssl-default-bind-options", "'ssl-default-bind-options' expects options such as ssl-min-ver TLSv1.2"),
        ("global\n ssl-default-bind-options no-tlsv14", "'ssl-default-bind-options' knows no option 'no-tlsv14'; did "
         "you mean 'no-tlsv13'?"),
        ("global\n ssl-load-extra-files x", "'ssl-load-extra-files' knows all, bundle, issuer, key, none, ocsp, sctl, "
         "not 'x'"),
        ("global\n ca-base", "'ca-base' expects a folder"),
        ("global\n stats socket /tmp/s ssl", "'stats socket' : HAProxy's keyword 'ssl' is not supported by wproxy: let "
         "clients come through a `listen` section in mode tcp with `bind … ssl`"),
    ],
)  # fmt: skip
def test_problems(text: str, problem: str) -> None:
    assert problem_of(text) == problem


def test_a_list_of_certificates() -> None:
    assert bind("crt a crt-list l") == TlsDraft(certificates=("a", "l"), lists=frozenset({"l"}))


def test_bits_of_diffie_hellman() -> None:
    assert not files("ca-base /c").dh
    assert files("tune.ssl.default-dh-param 1024").dh
    assert problem_of("global\n tune.ssl.default-dh-param 1023") == (
        "'tune.ssl.default-dh-param' cannot be lower than 1024"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listen l\n bind :1 ca-file", "'bind' : 'ca-file' expects a file or a folder"),
        ("listen l\n bind :1 crt-list", "'bind' : 'crt-list' expects a file or a folder"),
        ("global\n ssl-default-bind-ciphers", "'ssl-default-bind-ciphers' expects names with colons between them"),
    ],
)
def test_words_that_are_missing(text: str, problem: str) -> None:
    assert problem_of(text) == problem
