"""Thousands of packets that scapy crafted, over a real interface: what comes out is what scapy itself dissects."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from capture.messages import Observation
from capture.options import Address
from capture.runs import IPv4Run, IPv6Run, Listed, Run
from capture.sieve import Sieve
from capture.sources import InterfaceSource, PcapSource, Source
from capture.sources.scapy_quietly import quiet_scapy
from capture.targets import Targets
from tests.support.capturing import need_capture
from tests.support.crafting import Crafter, dissected, opens_connection
from tests.support.namespaces import own_network

with quiet_scapy():
    from scapy.utils import RawPcapWriter

FRAMES = 6000
EXACT = (Address("192.0.2.1", 9000), Address("192.0.2.2", 9001), Address("2001:db8::1", 9000))
WILD = (Address("0.0.0.0", 9001), Address("::", 9001), Address("::", 443))


@pytest.fixture(autouse=True)
def _own_network() -> Iterator[None]:
    need_capture()
    with own_network():
        yield


class Crafted(NamedTuple):
    """A frame, what scapy makes of it, and whether it opens a connection."""

    frame: bytes
    observation: Observation | None
    is_syn: bool


@pytest.fixture(scope="module")
def crafted() -> list[Crafted]:
    frames = Crafter(20261121).frames(FRAMES)
    seen = ((frame, dissected(frame)) for frame in frames)
    return [Crafted(frame, one, one is not None and opens_connection(frame)) for frame, one in seen]


def expected(crafted: list[Crafted], addresses: tuple[Address, ...], *, syn_only: bool = False) -> list[Observation]:
    targets = Targets(addresses)
    wanted = (one for _, one, is_syn in crafted if is_syn or not syn_only)
    return [one for one in wanted if one is not None and targets.wants(one)]


def runs_of(source: Source, timeout_s: float = 10.0) -> Iterator[Run]:
    """Yield the runs of all that has come up to now."""
    source.stop()
    deadline = time.monotonic() + timeout_s
    while (haul := source.read(0.1)) is not None:
        assert time.monotonic() < deadline
        yield from haul.runs


def without_times(runs: list[Run]) -> list[Observation]:
    return [Observation._make(row)._replace(time_ns=0) for run in runs for row in run.rows()]


def targets_of(frame: bytes, targets: Targets) -> bool:
    one = dissected(frame)
    return one is not None and targets.wants(one)


def send(frames: list[bytes]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sender:
        sender.bind(("lo", 0))
        for frame in frames:
            sender.send(frame)


@pytest.mark.parametrize("with_ring", [True, False], ids=["ring", "recvmsg"])
@pytest.mark.parametrize("interface", ["lo", "any"])
@pytest.mark.parametrize("syn_only", [False, True], ids=["every", "syn"])
@pytest.mark.parametrize("addresses", [EXACT, WILD], ids=["exact", "wild"])
def test_what_comes_over_an_interface(
    crafted: list[Crafted], addresses: tuple[Address, ...], syn_only: bool, interface: str, with_ring: bool
) -> None:
    targets = Targets(addresses)
    sieve = Sieve(targets, syn_only=syn_only)
    before_ns = time.time_ns()
    with closing(InterfaceSource(interface, targets.filters(syn_only=syn_only), sieve, with_ring=with_ring)) as source:
        send([one.frame for one in crafted])
        runs = list(runs_of(source))
        after_ns = time.time_ns()  # on a busy machine the kernel stamps what was sent some time after that
        counted = source.statistics()
    assert without_times(runs) == expected(crafted, addresses, syn_only=syn_only)
    assert counted.drops == 0
    times = [int(row[-1]) for run in runs for row in run.rows()]
    assert before_ns <= min(times) <= max(times) <= after_ns
    if with_ring and not syn_only:
        assert {type(run) for run in runs} == {IPv4Run, IPv6Run, Listed}


def test_what_stands_in_a_file(crafted: list[Crafted], tmp_path: Path) -> None:
    path = tmp_path / "all.pcap"
    with RawPcapWriter(str(path), linktype=1, sync=True) as writer:
        writer.write_header(None)
        for one in crafted:
            writer.write_packet(one.frame, sec=0, usec=0)
    runs: list[Run] = []
    with closing(PcapSource(str(path), Sieve(Targets(EXACT)))) as source:
        while (haul := source.read(0.1)) is not None:
            runs += haul.runs
    assert without_times(runs) == expected(crafted, EXACT)


def test_a_run_cut_at_any_place_is_the_same_observations(crafted: list[Crafted]) -> None:
    targets = Targets(WILD)
    with closing(InterfaceSource("lo", targets.filters(), Sieve(targets))) as source:
        send([one.frame for one in crafted[:500]])
        runs = list(runs_of(source))
    for run in runs:
        rows = run.rows()
        for cut in range(len(run) + 1):
            first, second = run.part(0, cut), run.part(cut, len(run))
            assert (len(first), len(second)) == (cut, len(run) - cut)
            assert first.rows() + second.rows() == rows


def test_as_many_plain_packets_as_fill_blocks_come_in_order() -> None:
    """Frames of many sizes: the filter makes them alike, so that they come as columns all the same."""
    targets = Targets((Address("0.0.0.0", 9001),))
    frame = next(one for one in Crafter(1).frames(1000) if one[12:15] == b"\x08\x00\x45" and targets_of(one, targets))
    with closing(InterfaceSource("lo", targets.filters(), Sieve(targets))) as source:
        send([frame + bytes(number % 1000) for number in range(20_000)])
        runs = list(runs_of(source))
        counted = source.statistics()
    assert sum(map(len, runs)) == counted.packets == 20_000
    assert sum(len(run) for run in runs if isinstance(run, IPv4Run)) > 19_000
    times = [row[-1] for run in runs for row in run.rows()]
    assert times == sorted(times)
