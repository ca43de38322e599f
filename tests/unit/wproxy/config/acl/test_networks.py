from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.acl.networks import Networks
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
        ("10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ("10.12", "10.0.0.12", "10.12.0.0"),
        ("192.168.1/22", "192.168.3.9", "192.168.4.0"),
        ("127.1", "127.0.0.1", "127.1.0.0"),
        ("10", "10.0.0.0", "10.0.0.10"),
        ("10.0.0.0/255.0.255.0", "10.9.0.7", "10.9.1.7"),
        ("0.0.0.0/0", "1.2.3.4", "2001::1"),
        ("fe80::/10", "febf::1", "fec0::1"),
        ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"),
        ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.1"),
        ("10.0.0.0/8", "::10.1.2.3", "::11.1.2.3"),
        ("10.0.0.0/8", "2002:0a01:0203::1", "2002:0b01:0203::1"),
        ("10.0.0.0/8", "10.0.0.1", "2003::1"),
    ],
)
def test_members(pattern: str, inside: str, outside: str) -> None:
    networks = Networks([pattern])
    assert ip_address(inside).packed in networks
    assert ip_address(outside).packed not in networks


@pytest.mark.parametrize(
    "pattern", ["", "x", "300.1.1.1", "10.0.0.0/33", "::1/129", "10.0.0.0/", "::/255.0.0.0", "10.0.0.0/x", "1.2.3.4.5"]
)
def test_problems(pattern: str) -> None:
    with pytest.raises(ArgumentError, match="is not a valid IPv4 or IPv6 address or network"):
        Networks([pattern])


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=9), st.integers(0, 2**32 - 1))
def test_agrees_with_the_library(networks: list[tuple[int, int]], number: int) -> None:
    made = Networks(f"{IPv4Address(base)}/{length}" for base, length in networks)
    expected = any(IPv4Address(number) in IPv4Network((base, length), strict=False) for base, length in networks)
    assert (IPv4Address(number).packed in made) is expected
