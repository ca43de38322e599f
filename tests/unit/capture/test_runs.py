from __future__ import annotations

import struct
import sys
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AddressFamily, inet_ntop

from hypothesis import given
from hypothesis import strategies as st

from capture.messages import Observation, PackedBatch, decode, encode
from capture.runs import IPv4Run, IPv6Run, Joined, Listed, Names, Times

ports = st.integers(0, 65535)
times = st.integers(0, 4_000_000_000_999_999_999)


def made(family: AddressFamily) -> st.SearchStrategy[list[Observation]]:
    size = 4 if family == AF_INET else 16
    addresses = st.binary(min_size=size, max_size=size).map(lambda packed: inet_ntop(family, packed))
    return st.lists(st.builds(Observation, addresses, addresses, ports, ports, times), min_size=1, max_size=20)


def column(values: list[bytes], size: int) -> bytes:
    """Return what the ring's columns hold of fields that stand in the network's order: the same bytes, in turn."""
    assert all(len(value) == size for value in values)
    return b"".join(values)


def run_of(observations: list[Observation]) -> IPv4Run | IPv6Run:
    seconds, nanoseconds = zip(*(divmod(one.time_ns, 10**9) for one in observations), strict=True)
    stamps = Times(struct.pack(f"={len(seconds)}I", *seconds), struct.pack(f"={len(nanoseconds)}I", *nanoseconds))
    both = b"".join(struct.pack("!HH", one.source_port, one.destination_port) for one in observations)
    ends = [[ip_address(one[index]).packed for one in observations] for index in (0, 1)]
    if len(ends[0][0]) == 4:
        return IPv4Run(Names(), stamps, column(ends[0], 4), column(ends[1], 4), both)
    halves = [(column([a[:8] for a in end], 8), column([a[8:] for a in end], 8)) for end in ends]
    return IPv6Run(Names(), stamps, halves[0], halves[1], both)


@given(st.one_of(made(AF_INET), made(AF_INET6)), st.data())
def test_columns_hold_what_was_put_into_them(observations: list[Observation], data: st.DataObject) -> None:
    run = run_of(observations)
    start = data.draw(st.integers(0, len(observations)))
    stop = data.draw(st.integers(start, len(observations)))
    assert len(run) == len(observations)
    assert run.rows() == observations
    assert run.part(start, stop).rows() == observations[start:stop]
    assert len(run.part(start, stop)) == stop - start


@given(made(AF_INET), made(AF_INET6))
def test_runs_of_all_kinds_are_encoded_as_one_batch(ipv4: list[Observation], ipv6: list[Observation]) -> None:
    batch = PackedBatch("a", 5, Joined((run_of(ipv4), Listed(ipv6), run_of(ipv6))))
    assert len(batch.observations) == len(ipv4) + 2 * len(ipv6)
    decoded = decode(encode(batch))
    assert (decoded.sensor, decoded.sequence) == ("a", 5)
    assert decoded.observations == (*ipv4, *ipv6, *ipv6)


def test_the_texts_of_random_addresses_do_not_take_the_memory() -> None:
    names = Names().ipv4
    for number in range(70_000):
        assert names[number] == str(ip_address(number.to_bytes(4, sys.byteorder)))
    assert len(names) < 66_000
