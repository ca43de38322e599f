from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.certificates import Request, for_host, issue, new_key
from wproxy.config.x509 import CertificateError, matches, read

EXAMPLE = for_host("www.example.com", "*.shop.example.com", "xn--bcher-kva.example")


def test_names_key_and_dates() -> None:
    found = read(EXAMPLE.der)
    assert found.common_names == ("www.example.com",)
    assert found.alternative_names == ("www.example.com", "*.shop.example.com", "xn--bcher-kva.example")
    assert found.names == ("www.example.com", "*.shop.example.com", "xn--bcher-kva.example")
    assert found.key == "ecdsa"
    assert found.begins == EXAMPLE.certificate.not_valid_before_utc
    assert found.ends == EXAMPLE.certificate.not_valid_after_utc


@pytest.mark.parametrize("days", [10, 40 * 365])
def test_both_forms_of_a_date(days: int) -> None:
    made = issue(Request("a", ends=days))  # from 2050 on a date is written differently
    assert read(made.der).ends == made.certificate.not_valid_after_utc
    assert read(made.der).ends - read(made.der).begins > timedelta(days=days)


def test_an_rsa_key() -> None:
    assert read(for_host("a.example", kind="rsa").der).key == "rsa"


def test_without_names() -> None:
    assert read(issue(Request(None)).der).names == ()


def test_upper_case_and_other_letters() -> None:
    assert read(issue(Request("WWW.Example.COM")).der).names == ("www.example.com",)
    assert read(issue(Request("Bücher")).der).names == ("bücher",)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("www.example.com", True),
        ("WWW.EXAMPLE.COM", True),
        ("a.shop.example.com", True),
        ("shop.example.com", False),
        ("a.b.shop.example.com", False),
        (".shop.example.com", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_hosts(host: str, *, expected: bool) -> None:
    assert matches(host, read(EXAMPLE.der)) is expected


def test_the_common_name_counts_only_alone() -> None:
    assert matches("a.example", read(issue(Request("a.example")).der))
    assert not matches("a.example", read(issue(Request("a.example", ("b.example",))).der))


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80", b"hello", b"\x30\x03\x02\x01\x01", b"\x30\x84\xff\xff\xff\xff"]
)
def test_no_certificate(data: bytes) -> None:
    with pytest.raises(CertificateError):
        read(data)


@given(data=st.data())
@settings(max_examples=300)
def test_a_damaged_certificate_is_an_error_or_read(data: st.DataObject) -> None:
    damaged = bytearray(EXAMPLE.der)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with suppress(CertificateError):
        read(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


def sequence(content: bytes) -> bytes:
    return b"\x30\x82" + len(content).to_bytes(2) + content


def test_a_certificate_of_the_first_version() -> None:
    version = b"\xa0\x03\x02\x01\x02"
    content = EXAMPLE.certificate.tbs_certificate_bytes[4:]
    assert content.startswith(version)
    found = read(sequence(sequence(content.removeprefix(version))))
    assert found == read(EXAMPLE.der)


def test_what_else_there_is_about_a_subject_is_no_name() -> None:
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org"), x509.NameAttribute(NameOID.COMMON_NAME, "a.example")]
    )
    others = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("b.example")])
    key, now = new_key(), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        .add_extension(others, critical=False)
        .sign(key, SHA256())
    )
    found = read(made.public_bytes(Encoding.DER))
    assert (found.common_names, found.alternative_names) == (("a.example",), ("b.example",))
