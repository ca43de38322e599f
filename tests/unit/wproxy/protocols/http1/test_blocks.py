from __future__ import annotations

import pytest

from wproxy.protocols.http1 import blocks
from wproxy.protocols.http1.blocks import CHUNKED, FIELDS_MAX, Block, Blocks, Fault


def read(*lines: bytes, of_requests: bool = True) -> Block:
    block = Blocks(of_requests=of_requests)[b"".join(line + b"\r\n" for line in lines)]
    assert isinstance(block, Block), block
    assert block.lines == b"".join(field.line for field in block.fields)
    return block


def refused(*lines: bytes) -> int:
    fault = Blocks(of_requests=True)[b"".join(line + b"\r\n" for line in lines)]
    assert isinstance(fault, Fault), fault
    return fault.status


def test_nothing() -> None:
    block = read()
    assert (block.fields, block.lines, block.length, block.closes, block.upgrades) == ([], b"", None, None, False)


def test_fields_that_mean_nothing_are_passed_on() -> None:
    assert read(b"X: 1", b"Y:2", b"X: 1").lines == b"x: 1\r\ny: 2\r\nx: 1\r\n"


def test_a_line_that_is_no_field() -> None:
    assert Blocks(of_requests=True)[b"X: 1\r\n Y\r\n"] is None


@pytest.mark.parametrize(
    ("lines", "length", "sent"),
    [
        ([b"Content-Length: 3"], 3, b"content-length: 3\r\n"),
        ([b"Content-Length: 0"], 0, b"content-length: 0\r\n"),
        ([b"Content-Length: 3", b"Content-Length: 3"], 3, b"content-length: 3\r\n"),
        ([b"Content-Length: 3", b"X: y", b"Content-Length: 3, 3"], 3, b"content-length: 3\r\nx: y\r\n"),
        ([b"X: y", b"Content-Length: 3 ,3"], 3, b"x: y\r\ncontent-length: 3\r\n"),
        ([b"Content-Length: 3", b"Content-Length: 03"], 3, b"content-length: 3\r\n"),
        ([b"Content-Length: " + b"0" * 30 + b"3"], 3, b"content-length: " + b"0" * 30 + b"3\r\n"),
        ([b"Content-Length: 9223372036854775807"], (1 << 63) - 1, b"content-length: 9223372036854775807\r\n"),
        ([b"Transfer-Encoding: chunked"], CHUNKED, b"transfer-encoding: chunked\r\n"),
        ([b"Transfer-Encoding: Chunked "], CHUNKED, b"transfer-encoding: Chunked\r\n"),
        ([b"Transfer-Encoding: chunked", b"Content-Length: 3"], CHUNKED, b"transfer-encoding: chunked\r\n"),
    ],
)
def test_lengths(lines: list[bytes], length: int, sent: bytes) -> None:
    block = read(*lines)
    assert (block.length, block.lines) == (length, sent)
    assert block.twofold is (len(lines) == 2 and length == CHUNKED)


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([b"Content-Length:"], 400),
        ([b"Content-Length: x"], 400),
        ([b"Content-Length: +3"], 400),
        ([b"Content-Length: 3 3"], 400),
        ([b"Content-Length: 3,"], 400),
        ([b"Content-Length: 3, 4"], 400),
        ([b"Content-Length: 3", b"Content-Length: 4"], 400),
        ([b"Content-Length: 9223372036854775808"], 400),
        ([b"Content-Length: " + b"1" * 5000], 400),
        ([b"Transfer-Encoding:"], 400),
        ([b"Transfer-Encoding: gzip"], 400),
        ([b"Transfer-Encoding: chunked, gzip"], 400),
        ([b"Transfer-Encoding: chunked, chunked"], 400),
        ([b"Transfer-Encoding: xchunked"], 400),
        ([b"Transfer-Encoding: \x0bchunked"], 400),
        ([b"Transfer-Encoding: gzip, chunked"], 422),
        ([b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"], 422),
        ([b"Transfer-Encoding: chunked", b"Content-Length: x"], 400),
        ([b"Transfer-Encoding: chunked", b"Content-Length: 3", b"Content-Length: 4"], 400),
    ],
)
def test_lengths_that_are_none(lines: list[bytes], status: int) -> None:
    assert refused(*lines) == status


@pytest.mark.parametrize(
    ("lines", "closes", "sent"),
    [
        ([b"Connection: close"], True, b""),
        ([b"Connection: Close"], True, b""),
        ([b"Connection: keep-alive"], False, b""),
        ([b"Connection: keep-alive, close"], True, b""),
        ([b"Connection: keep-alive", b"Connection: close"], True, b""),
        ([b"Connection: closed"], None, b"connection: closed\r\n"),
        ([b"Connection:"], None, b""),
        ([b"Connection: , ,"], None, b""),
        ([b"Connection: x, ,y"], None, b"connection: x, ,y\r\n"),
        ([b"Connection: x, close, ,y"], True, b"connection: x, y\r\n"),
        ([b"Connection: x", b"A: b", b"Connection: close"], True, b"connection: x\r\na: b\r\n"),
    ],
)
def test_connections(lines: list[bytes], closes: bool | None, sent: bytes) -> None:
    block = read(*lines)
    assert (block.closes, block.lines) == (closes, sent)


def test_upgrades() -> None:
    assert read(b"Upgrade: x", b"Connection: Upgrade").upgrades
    assert not read(b"Upgrade: x").upgrades
    assert not read(b"Upgrade: x", b"Connection: close").upgrades
    assert not read(b"Connection: upgrade").upgrades


def test_expectations() -> None:
    assert read(b"Expect: 100-Continue").expects
    assert not read(b"Expect: x").expects


@pytest.mark.parametrize(
    ("lines", "sent"),
    [
        ([b"TE: trailers"], b"te: trailers\r\n"),
        ([b"TE: gzip, Trailers"], b"te: trailers\r\n"),
        ([b"TE: gzip", b"X: y", b"TE: trailers"], b"te: trailers\r\nx: y\r\n"),
        ([b"TE: gzip", b"X: y"], b"x: y\r\n"),
        ([b"TE: xtrailers"], b""),
    ],
)
def test_of_te_only_trailers_are_passed_on(lines: list[bytes], sent: bytes) -> None:
    assert read(*lines).lines == sent


def test_hosts() -> None:
    assert read(b"X: y").host is None
    assert read(b"Host: a").host == b"a"
    block = read(b"X: 1", b"Host: a", b"Content-Length: 0", b"Host: A")
    assert (block.host, block.lines) == (b"a", b"x: 1\r\nhost: a\r\ncontent-length: 0\r\n")
    assert refused(b"Host: a", b"Host: b") == 400


def test_responses_have_no_host_to_be_checked() -> None:
    assert read(b"Host: a", b"Host: b", of_requests=False).lines == b"host: a\r\nhost: b\r\n"


def test_fields_are_counted() -> None:
    assert len(read(*[b"X: y"] * (FIELDS_MAX - 1)).fields) == FIELDS_MAX - 1
    assert refused(*[b"X: y"] * FIELDS_MAX) == 400


def test_blocks_are_remembered_and_bounded() -> None:
    known = Blocks(of_requests=True)
    assert known[b"X: y\r\n"] is known[b"X: y\r\n"]
    assert isinstance(known[b"X: " + b"y" * 3000 + b"\r\n"], Block)
    assert len(known) == 1, "a long block is not kept"
    for number in range(blocks._REMEMBERED + 10):
        assert isinstance(known[b"X: %d\r\n" % number], Block)
    assert len(known) <= blocks._REMEMBERED
