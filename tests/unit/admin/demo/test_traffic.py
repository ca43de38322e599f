"""admin.demo.traffic: the sources, the packets that scapy makes, the pace of the thread."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from threading import Event

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from admin.demo.traffic import PAYLOAD, PcapClient, TrafficThread, connection_packets, source_address


@given(st.integers(0, 10**12))
def test_every_source_is_on_loopback_and_not_the_address_that_servers_use(number: int) -> None:
    source = IPv4Address(source_address(number))
    assert source in IPv4Network("127.0.0.0/8")
    assert IPv4Address("127.1.0.0") <= source < IPv4Address("127.129.0.0")


def test_the_sources_are_many() -> None:
    assert len({source_address(number) for number in range(20_000)}) == 20_000


def test_the_packets_are_those_of_one_orderly_connection() -> None:
    packets = [Ether(frame) for frame in connection_packets("127.9.9.9", 4711, "127.0.0.1", 9000)]
    assert [str(packet[TCP].flags) for packet in packets] == ["S", "A", "PA", "FA", "A"]
    assert {(packet[IP].src, packet[TCP].sport, packet[IP].dst, packet[TCP].dport) for packet in packets} == {
        ("127.9.9.9", 4711, "127.0.0.1", 9000)
    }
    assert bytes(packets[2][TCP].payload) == PAYLOAD


def test_the_pcap_stream_has_nanoseconds_and_every_packet(tmp_path: Path) -> None:
    file = tmp_path / "demo.pcap"
    with file.open("wb") as stream:
        client = PcapClient(stream, "127.0.0.1", 9000)
        client(0)
        client(1)
    assert struct.unpack("=I", file.read_bytes()[:4]) == (0xA1B23C4D,)
    with RawPcapReader(str(file)) as reader:
        metadata = [meta for _, meta in reader]
    assert len(metadata) == 10
    assert all(meta.usec < 1_000_000_000 for meta in metadata)


def test_pause_returns_when_nothing_is_under_way_and_counting_goes_on_after_it() -> None:
    numbers: list[int] = []
    enough = Event()

    def client(number: int) -> None:
        numbers.append(number)
        if len(numbers) % 10 == 0:
            enough.set()
        if number == 3:
            raise ConnectionRefusedError(111, "Connection refused")

    traffic = TrafficThread(client, rate=10_000)
    for _ in range(2):
        enough.clear()
        traffic.start()
        assert enough.wait(10)
        traffic.pause()
    assert numbers == list(range(len(numbers)))
    assert (traffic.made, traffic.failed, traffic.last_error) == (len(numbers) - 1, 1, "Connection refused")


def test_pause_before_start_is_nothing() -> None:
    TrafficThread(lambda _: None).pause()
