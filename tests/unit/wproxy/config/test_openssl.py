from __future__ import annotations

import _ssl
import ssl

import pytest

from wproxy.config import openssl
from wproxy.config.values import ArgumentError


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def suites(made: ssl.SSLContext) -> list[str]:
    return [cipher["name"] for cipher in made.get_ciphers() if cipher["name"].startswith("TLS_")]


def test_cipher_suites_in_the_order_given() -> None:
    made = context()
    openssl.set_ciphersuites(made, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256")
    assert suites(made) == ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"]


def test_unknown_cipher_suites() -> None:
    made = context()
    with pytest.raises(ArgumentError, match="'ciphersuites' : OpenSSL knows no such list"):
        openssl.set_ciphersuites(made, "TLS_NO_SUCH")
    assert len(suites(made)) == 3


def test_groups() -> None:
    openssl.set_groups(context(), "X25519:P-256")
    with pytest.raises(ArgumentError, match="'curves' : OpenSSL knows no such list of groups: 'P-1'"):
        openssl.set_groups(context(), "P-1")


def test_diffie_hellman() -> None:
    openssl.choose_dh(context())


def test_a_python_whose_library_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(_ssl, "__file__")
    made = context()
    with pytest.raises(ArgumentError, match="'ciphersuites' : this Python's OpenSSL cannot be told so"):
        openssl.set_ciphersuites(made, "TLS_AES_128_GCM_SHA256")
    with pytest.raises(ArgumentError, match="'curves' : this Python's OpenSSL cannot be told so"):
        openssl.set_groups(made, "X25519")
    openssl.choose_dh(made)  # nobody has asked for more than what there is
    assert len(suites(made)) == 3
