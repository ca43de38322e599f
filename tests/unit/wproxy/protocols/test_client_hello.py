"""The first message of TLS: what clients of OpenSSL say, in any split, and what is none."""

from __future__ import annotations

import ssl
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.client_hello import Hello, HelloError, parse


def hello_of(name: str | None, *protocols: str, highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """Return what a client of OpenSSL says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = highest
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def vector(size: int, data: bytes) -> bytes:
    return len(data).to_bytes(size, "big") + data


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, content)


def message(
    extensions: bytes | None = b"",
    *,
    kind: int = 1,
    version: bytes = b"\3\3",
    session: bytes = b"",
    ciphers: bytes = b"\0\1",
    compressions: bytes = b"\0",
) -> bytes:
    body = version + bytes(32) + vector(1, session) + vector(2, ciphers) + vector(1, compressions)
    return bytes([kind]) + vector(3, body + (b"" if extensions is None else vector(2, extensions)))


def records(data: bytes, size: int = 16384) -> bytes:
    return b"".join(b"\x16\3\1" + vector(2, data[at : at + size]) for at in range(0, len(data), size))


def host(name: bytes, kind: int = 0) -> bytes:
    return bytes([kind]) + vector(2, name)


def test_a_client_of_openssl() -> None:
    assert parse(hello_of("a.example", "h2", "http/1.1")) == Hello(
        1, 0x30003, "a.example", ("h2", "http/1.1"), names_groups=True, ticket=1
    )
    assert parse(hello_of(None, highest=ssl.TLSVersion.TLSv1_2)) == Hello(1, 0x30003, names_groups=True, ticket=1)


def test_every_split_tells_the_same() -> None:
    data = hello_of("a.example", "h2")
    assert [parse(data[:end]) for end in range(len(data))] == [None] * len(data)
    whole = parse(data)
    assert whole is not None
    assert parse(data + b"more") == whole
    assert parse(records(data[5:], 16)) == whole
    assert parse(records(data[5:], 16)[:-1]) is None


def test_other_messages_are_known_by_their_type() -> None:
    assert parse(records(message(kind=2))) == Hello(2)


def test_extensions() -> None:
    name = extension(0, vector(2, host(b"x", 1) + host(b"one") + host(b"two")))
    again = extension(0, vector(2, host(b"three")))
    protocols = extension(16, vector(2, vector(1, b"h2"))) + extension(16, vector(2, vector(1, b"x")))
    made = parse(records(message(name + again + protocols + extension(35, b"t") + extension(99, b""))))
    assert made == Hello(1, 0x30003, "one", ("h2",), ticket=2)
    assert parse(records(message(extension(0, vector(2, host(b"x", 1)))))) == Hello(1, 0x30003)
    assert parse(records(message(None, version=b"\3\1", session=bytes(32)))) == Hello(1, 0x30001)


@pytest.mark.parametrize(
    "data",
    [
        b"G", b"\x17", b"\x16\2", b"\x16\3\1\0\0", b"\x16\3\1\xff\xff",
        records(message(session=bytes(33))), records(message(ciphers=b"")), records(message(compressions=b"")),
        records(b"\1" + vector(3, b"\3\3")),
        records(message(b"\0\0\0\5\0")), records(message(extension(0, vector(2, b"\0\0\5x")))),
        records(message(extension(16, b"\0\2\5x"))),
        records(message(session=bytes(32)), 1),
        records(b"\1\0\1\0")[:-1] + b"\0" + b"\x15",
    ],
)  # fmt: skip
def test_what_is_no_hello(data: bytes) -> None:
    with pytest.raises(HelloError):
        parse(data)


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    for each in (data, b"\x16\3\1" + data, records(b"\1" + vector(3, data))):
        with suppress(HelloError):
            parse(each)


@given(st.binary(min_size=1, max_size=60), st.lists(st.binary(min_size=1, max_size=20), max_size=4), st.data())
def test_what_was_written_is_read(name: bytes, protocols: list[bytes], data: st.DataObject) -> None:
    offered = extension(16, vector(2, b"".join(vector(1, each) for each in protocols))) if protocols else b""
    whole = records(message(extension(0, vector(2, host(name))) + offered), data.draw(st.integers(5, 100)))
    made = parse(whole)
    assert made is not None
    assert made.server_name == name.decode("latin-1")
    assert made.protocols == tuple(each.decode("latin-1") for each in protocols)
    assert parse(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None
