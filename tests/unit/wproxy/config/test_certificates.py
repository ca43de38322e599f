from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from tests.support.certificates import Pair, authority, for_host, revoked
from wproxy.config.certificates import certificates, listed, load_authorities, load_dh, load_pair, load_revoked
from wproxy.config.tls_draft import TlsFiles
from wproxy.config.values import ArgumentError

A = for_host("a.example")
B = for_host("b.example")


def load(path: Path, files: TlsFiles | None = None) -> list[str]:
    """Return the names of the certificates of `crt path`, after loading them with their keys."""
    found = certificates(str(path), files or TlsFiles())
    for pair in found:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), pair)
    return [pair.certificate.names[0] for pair in found]


def fault(path: Path, files: TlsFiles | None = None) -> str:
    with pytest.raises(ArgumentError) as refused:
        load(path, files)
    assert not any(secret in str(refused.value) for secret in ("PRIVATE", A.key_pem().decode().splitlines()[1]))
    return str(refused.value).replace(str(path.parent), "")


def test_one_file(tmp_path: Path) -> None:
    assert load(A.write(tmp_path / "a.pem")) == ["a.example"]


def test_the_key_may_come_first(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_bytes(A.key_pem() + A.pem + B.pem)
    assert load(tmp_path / "a.pem") == ["a.example"]


def test_the_key_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.pem.key").write_bytes(A.key_pem())
    assert load(A.write_certificate(tmp_path / "a.pem")) == ["a.example"]
    assert fault(tmp_path / "a.pem", TlsFiles(loads_key=False)) == "'crt' : there is no private key in '/a.pem'"


def test_the_key_beside_it_by_the_other_name(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(A.key_pem())
    path = A.write_certificate(tmp_path / "a.crt")
    assert load(path, TlsFiles(drops_extension=True)) == ["a.example"]
    assert fault(path) == "'crt' : there is no private key in '/a.crt', nor in '/a.crt.key'"


def test_a_folder(tmp_path: Path) -> None:
    B.write(tmp_path / "b.pem")
    A.write_certificate(tmp_path / "a.pem")
    (tmp_path / "a.pem.key").write_bytes(A.key_pem())
    (tmp_path / ".hidden").write_text("no certificate")
    (tmp_path / "a.pem.ocsp").write_text("none either")
    assert load(tmp_path) == ["a.example", "b.example"]


def test_an_empty_folder(tmp_path: Path) -> None:
    assert load(tmp_path) == []


def test_a_bundle(tmp_path: Path) -> None:
    A.write(tmp_path / "a.ecdsa")
    for_host("a.example", kind="rsa").write(tmp_path / "a.rsa")
    assert load(tmp_path / "a") == ["a.example", "a.example"]
    assert "cannot read" in fault(tmp_path / "a", TlsFiles(loads_bundle=False))


def test_a_list(tmp_path: Path) -> None:
    A.write(tmp_path / "a.pem")
    B.write(tmp_path / "b.pem")
    (tmp_path / "list").write_text("# comment\n\n a.pem One.Example !two.example\nb.pem\n")
    one, two = listed(str(tmp_path / "list"), TlsFiles(crt_base=str(tmp_path)))
    assert (one.filters, two.filters) == (("one.example", "!two.example"), ())
    assert (one.names, one.excluded, two.names) == (("one.example",), ("two.example",), ("b.example",))
    (tmp_path / "list").write_text("a.pem !*\na.pem [alpn h2] x\n")
    with pytest.raises(ArgumentError, match=r"'crt-list' : options in brackets are not supported by wproxy"):
        listed(str(tmp_path / "list"), TlsFiles(crt_base=str(tmp_path)))
    (tmp_path / "list").write_text("a.pem !*\n")
    [fallback] = listed(str(tmp_path / "list"), TlsFiles(crt_base=str(tmp_path)))
    assert fallback.names == ()
    with pytest.raises(ArgumentError, match=r"'crt-list' : cannot read"):
        listed("none", TlsFiles())


def test_relative_to_the_base(tmp_path: Path) -> None:
    A.write(tmp_path / "a.pem")
    assert load(Path("a.pem"), TlsFiles(crt_base=str(tmp_path))) == ["a.example"]


def test_faults(tmp_path: Path) -> None:
    assert fault(tmp_path / "a.pem") == "'crt' : cannot read '/a.pem': No such file or directory"
    (tmp_path / "a.pem").write_text("hello")
    assert fault(tmp_path / "a.pem") == "'crt' : there is no certificate in '/a.pem': it has to be in PEM"
    (tmp_path / "a.pem").write_bytes(A.pem + B.key_pem())
    assert fault(tmp_path / "a.pem") == "'crt' : the private key in '/a.pem' is not that of '/a.pem'"
    (tmp_path / "a.pem").write_bytes(A.pem + A.key_pem("secret"))
    assert fault(tmp_path / "a.pem").startswith("'crt' : the private key in '/a.pem' is encrypted: store it without")
    lines = A.pem.splitlines()
    (tmp_path / "a.pem").write_bytes(b"\n".join([lines[0], *lines[2:]]) + b"\n" + A.key_pem())
    assert fault(tmp_path / "a.pem") == "'crt' : the certificate in '/a.pem' cannot be read"
    (tmp_path / "a.pem").write_bytes(A.pem + b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")
    assert fault(tmp_path / "a.pem").startswith("'crt' : '/a.pem' and its key cannot be used: ")


def trusted(name: str, files: TlsFiles | None = None) -> int:
    """Return how many authorities `ca-file name` stands for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    load_authorities(context, name, files or TlsFiles())
    return context.cert_store_stats()["x509_ca"]


def test_authorities(tmp_path: Path) -> None:
    authority("one").write_certificate(tmp_path / "one.pem")
    authority("two").write_certificate(tmp_path / "two.crt")
    (tmp_path / "readme.pem").write_text("hello")
    (tmp_path / "three.txt").write_text("hello")
    assert trusted("one.pem", TlsFiles(ca_base=str(tmp_path))) == 1
    assert trusted(str(tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none.pem", "'ca-file' : cannot read '{}/none.pem': No such file or directory"),
        ("readme", "'ca-file' : there are no certificates in 'readme'"),
    ],
)
def test_faults_of_authorities(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "readme").write_text("hello")
    with pytest.raises(ArgumentError) as refused:
        trusted(name, TlsFiles(ca_base=str(tmp_path)))
    assert str(refused.value) == said.format(tmp_path)


def test_those_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = authority().write_certificate(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    assert trusted("@system-ca") == 1
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    (tmp_path / "0123abcd.0").symlink_to(path)
    assert trusted("@system-ca") == 1


def test_revoked_certificates(tmp_path: Path) -> None:
    ca: Pair = authority()
    (tmp_path / "revoked.pem").write_bytes(revoked(ca, for_host("c.example", signed_by=ca)))
    (tmp_path / "none.pem").write_text("hello")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load_revoked(context, "revoked.pem", TlsFiles(ca_base=str(tmp_path)))
    assert context.verify_flags & ssl.VERIFY_CRL_CHECK_CHAIN
    with pytest.raises(ArgumentError, match="'crl-file' : there is no list of revoked certificates in"):
        load_revoked(context, str(tmp_path / "none.pem"), TlsFiles())


def test_those_of_a_system_that_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    with pytest.raises(ArgumentError, match="'ca-file' : there are no certificates in '@system-ca'"):
        trusted("@system-ca")


class Blind(ssl.SSLContext):
    """Is not allowed to read files."""

    def load_verify_locations(self, *files: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")


def test_authorities_that_may_not_be_read(tmp_path: Path) -> None:
    path = authority().write_certificate(tmp_path / "ca.pem")
    with pytest.raises(ArgumentError) as refused:
        load_authorities(Blind(ssl.PROTOCOL_TLS_CLIENT), str(path), TlsFiles())
    assert str(refused.value) == f"'ca-file' : cannot read '{path}': Permission denied"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "cannot read the parameters of Diffie-Hellman '{}/none': No such file or directory"),
        ("readme", "there are no parameters of Diffie-Hellman in '{}/readme'"),
    ],
)
def test_faults_of_parameters(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "readme").write_text("hello")
    with pytest.raises(ArgumentError) as refused:
        load_dh(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), str(tmp_path / name))
    assert str(refused.value) == said.format(tmp_path)
