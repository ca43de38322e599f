from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.proxy_header import WRITERS, Endpoint, Ends, Header, HeaderError, parse, version_1, version_2

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def end(address: str, port: int) -> Endpoint:
    return Endpoint(ip_address(address).packed, port)


FOUR = Ends(end("10.0.0.1", 4000), end("10.0.0.2", 80))
SIX = Ends(end("2001:db8::1", 4000), end("::1", 65535))
BLOCK = bytes([10, 0, 0, 1, 10, 0, 0, 2]) + (4000).to_bytes(2, "big") + (80).to_bytes(2, "big")

CHECKSUM = bytes.fromhex("a5fabd52")  # of a header with BLOCK, an empty addition and itself


def v2(block: bytes, command: int = 0x21, family: int = 0x11, length: int | None = None) -> bytes:
    size = len(block) if length is None else length
    return SIGNATURE + bytes((command, family)) + size.to_bytes(2, "big") + block


GOOD = {
    b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\n": FOUR,
    b"PROXY TCP6 2001:db8::1 ::1 4000 65535\r\n": SIX,
    b"PROXY UNKNOWN\r\n": None,
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n": None,
    v2(BLOCK): FOUR,
    v2(BLOCK + b"\x01\0\x02h2" * 100): FOUR,
    v2(BLOCK + b"\x04\0\0\x03\0\x04" + CHECKSUM): FOUR,
    v2(SIX.source.address + SIX.destination.address + b"\x0f\xa0\xff\xff", family=0x21): SIX,  # type: ignore[union-attr] # both are there
    v2(b"", command=0x20, family=0): None,
    v2(BLOCK, command=0x20): None,
}

BAD = {
    "another protocol": b"GET / HTTP/1.1\r\n",
    "lower case": b"proxy TCP4 10.0.0.1 10.0.0.2 4000 80\r\n",
    "family": b"PROXY UDP4 10.0.0.1 10.0.0.2 4000 80\r\n",
    "too few": b"PROXY TCP4 10.0.0.1 10.0.0.2 4000\r\n",
    "too many": b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80 9\r\n",
    "two spaces": b"PROXY TCP4 10.0.0.1  10.0.0.2 4000 80\r\n",
    "address": b"PROXY TCP4 10.0.0.256 10.0.0.2 4000 80\r\n",
    "address of the other family": b"PROXY TCP6 10.0.0.1 10.0.0.2 4000 80\r\n",
    "zone": b"PROXY TCP6 fe80::1%eth0 ::1 4000 80\r\n",
    "port": b"PROXY TCP4 10.0.0.1 10.0.0.2 65536 80\r\n",
    "port with zeros": b"PROXY TCP4 10.0.0.1 10.0.0.2 04000 80\r\n",
    "port with a sign": b"PROXY TCP4 10.0.0.1 10.0.0.2 +400 80\r\n",
    "no ASCII": b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 8\xb2\r\n",
    "without end": b"PROXY UNKNOWN " + b"x" * 100,
    "end too late": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "signature": SIGNATURE[:-1] + b"x",
    "version": v2(BLOCK, command=0x31),
    "command": v2(BLOCK, command=0x22),
    "unspecified": v2(b"", family=0),
    "unix socket": v2(bytes(216), family=0x31),
    "datagrams": v2(BLOCK, family=0x12),
    "addresses too short": v2(BLOCK[:-1]),
    "addition that is cut": v2(BLOCK + b"\x04\0"),
    "addition longer than the header": v2(BLOCK + b"\x04\0\x09abc"),
    "wrong checksum": v2(BLOCK + b"\x04\0\0\x03\0\x04" + CHECKSUM[::-1]),
    "checksum that is too short": v2(BLOCK + b"\x03\0\x02" + CHECKSUM[:2]),
    "oversized": v2(b"", length=65535),
}


@pytest.mark.parametrize("data", GOOD)
def test_headers_at_every_split(data: bytes) -> None:
    for size in range(len(data)):
        assert parse(data[:size]) is None
    assert parse(data) == parse(data + b"\r\nwhat follows") == Header(len(data), GOOD[data])


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_header(data: bytes) -> None:
    with pytest.raises(HeaderError):
        parse(data)


def test_the_longest_line_is_read() -> None:
    line = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert len(line) == 107
    assert parse(line) == Header(107, None)


@pytest.mark.parametrize("ends", [FOUR, SIX])
@pytest.mark.parametrize("version", [1, 2])
def test_what_is_written_can_be_read(version: int, ends: Ends) -> None:
    data = WRITERS[version](ends)
    assert parse(data) == Header(len(data), ends)


def test_two_families_are_told_as_ipv6() -> None:
    mixed = Ends(FOUR.source, SIX.destination)
    told = Ends(end("::ffff:10.0.0.1", 4000), SIX.destination)
    assert version_1(mixed).startswith(b"PROXY TCP6 ::ffff:10.0.0.1 ")
    assert [header.ends for header in (parse(version_1(mixed)), parse(version_2(mixed))) if header] == [told, told]


def test_without_addresses() -> None:
    assert version_1(Ends()) == b"PROXY UNKNOWN\r\n"
    assert version_2(Ends()) == v2(b"", command=0x20, family=0)


def test_an_end_is_shown_with_its_port() -> None:
    assert str(FOUR.source) == "10.0.0.1:4000"


@given(
    st.binary(max_size=300)
    | st.binary(max_size=300).map(lambda data: b"PROXY " + data)
    | st.binary(max_size=300).map(lambda data: SIGNATURE + data)
)
def test_any_bytes_are_a_header_incomplete_or_an_error(data: bytes) -> None:
    try:
        header = parse(data)
    except HeaderError:
        return
    if header is None:
        assert len(data) < 16 * 1024
        return
    assert header.size <= len(data)
    for size in range(header.size):
        assert parse(data[:size]) is None


@given(
    st.integers(0, 2**128 - 1), st.integers(0, 2**32 - 1), st.integers(0, 65535), st.booleans(), st.sampled_from([1, 2])
)
def test_any_addresses_come_back(long: int, short: int, port: int, six: bool, version: int) -> None:
    address = IPv6Address(long).packed if six else IPv4Address(short).packed
    ends = Ends(Endpoint(address, port), Endpoint(address, 65535 - port))
    data = WRITERS[version](ends)
    assert parse(data) == Header(len(data), ends)
