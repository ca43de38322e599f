"""What scapy can craft decodes as scapy itself dissects it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.decode import LINK_ETHERNET, LINK_LINUX_SLL, LINK_LINUX_SLL2, LINK_RAW, LINK_TYPES, Reason, decode
from capture.messages import Observation
from capture.sources.scapy_quietly import quiet_scapy

with quiet_scapy():
    from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
    from scapy.layers.inet6 import (
        ICMPv6EchoRequest,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        IPv6ExtHdrRouting,
    )
    from scapy.layers.ipsec import AH
    from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether
    from scapy.packet import Packet, Raw

TIME_NS = 1_732_186_800_123_456_789

ports = st.integers(0, 65535)
ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = st.ip_addresses(v=6).map(str)
vlans = st.lists(
    st.builds(lambda kind, vlan: kind(vlan=vlan), st.sampled_from((Dot1Q, Dot1AD)), st.integers(0, 4095)), max_size=3
)
ip_options = st.lists(st.sampled_from((IPOption_NOP(), IPOption_RR(routers=["1.2.3.4"]))), max_size=4)
extensions = st.lists(
    st.one_of(
        st.builds(IPv6ExtHdrHopByHop),
        st.builds(IPv6ExtHdrDestOpt),
        st.builds(lambda addresses: IPv6ExtHdrRouting(addresses=addresses), st.lists(ipv6, max_size=3)),
        st.builds(lambda offset: IPv6ExtHdrFragment(offset=offset, m=1), st.sampled_from((0, 0, 0, 1, 185))),
    ),
    max_size=4,
)
# Last, because scapy does not dissect the extension headers that follow it.
authentication = st.sampled_from((None, None, AH(icv=bytes(12)), AH(icv=bytes(20))))
transports = st.one_of(
    st.builds(lambda s, d, flags: TCP(sport=s, dport=d, flags=flags), ports, ports, st.integers(0, 255)),
    st.builds(lambda s, d: TCP(sport=s, dport=d, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]), ports, ports),
    st.builds(lambda s, d: UDP(sport=s, dport=d), ports, ports),
    st.builds(ICMP),
    st.builds(ICMPv6EchoRequest),
)
bodies = st.binary(max_size=40).map(lambda data: Raw(data) if data else None)


def ethernet(**fields: Any) -> Packet:
    """Return a header with both addresses: scapy would ask the network for a missing one."""
    return Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02", **fields)


def ipv4_header(**fields: Any) -> Packet:
    return IP(src="10.0.0.1", dst="10.0.0.2", **fields)


def ipv6_header(**fields: Any) -> Packet:
    return IPv6(src="::1", dst="::2", **fields)


def stack(*layers: Any) -> Packet:
    """Put `layers` on top of each other; None stands for nothing."""
    first, *rest = [layer for layer in layers if layer is not None]
    packet: Packet = first.copy()
    for layer in rest:
        packet /= layer.copy()
    return packet


ipv4_packets = st.builds(
    lambda s, d, options, fragment, transport, body: stack(
        IP(src=s, dst=d, options=options, frag=fragment), transport, body
    ),
    ipv4,
    ipv4,
    ip_options,
    st.sampled_from((0, 0, 0, 1, 185)),
    transports,
    bodies,
)
ipv6_packets = st.builds(
    lambda s, d, headers, last, transport, body: stack(IPv6(src=s, dst=d), *headers, last, transport, body),
    ipv6,
    ipv6,
    extensions,
    authentication,
    transports,
    bodies,
)
ip_packets = st.one_of(ipv4_packets, ipv6_packets)
frames = st.builds(lambda tags, packet: stack(ethernet(), *tags, packet), vlans, ip_packets)


def dissected(frame: bytes, layer: type[Packet]) -> Observation | None:
    """Return what scapy makes of `frame`: only the outermost IP packet counts."""
    packet = layer(frame)
    network = packet.getlayer(IP) or packet.getlayer(IPv6)
    if network is None or TCP not in network:
        return None
    return Observation(network.src, network.dst, network[TCP].sport, network[TCP].dport, TIME_NS)


def decoded(frame: bytes, link_type: int = LINK_ETHERNET) -> Observation | None:
    answer = decode(frame, TIME_NS, link_type)
    return None if isinstance(answer, Reason) else answer


@settings(max_examples=400)
@given(frames)
def test_a_frame_decodes_as_scapy_dissects_it(packet: Packet) -> None:
    frame = bytes(packet)
    assert decoded(frame) == dissected(frame, Ether)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=20_000)
@given(frames)
def test_very_many_frames_decode_as_scapy_dissects_them(packet: Packet) -> None:
    frame = bytes(packet)
    assert decoded(frame) == dissected(frame, Ether)


@settings(max_examples=200)
@given(ip_packets)
def test_other_link_types_decode_alike(packet: Packet) -> None:
    expected = dissected(bytes(ethernet() / packet), Ether)
    assert decoded(bytes(packet), LINK_RAW) == expected
    assert decoded(bytes(CookedLinux() / packet), LINK_LINUX_SLL) == expected
    assert decoded(bytes(CookedLinuxV2() / packet), LINK_LINUX_SLL2) == expected


@settings(max_examples=300)
@given(frames, st.data())
def test_a_frame_that_is_cut_short_decodes_alike_or_not_at_all(packet: Packet, data: st.DataObject) -> None:
    frame = bytes(packet)
    whole = decode(frame, TIME_NS)
    cut = decode(frame[: data.draw(st.integers(0, len(frame)))], TIME_NS)
    assert cut in (whole, Reason.TRUNCATED)


@settings(max_examples=200)
@given(frames, st.data())
def test_a_frame_with_changed_bytes_never_fails(packet: Packet, data: st.DataObject) -> None:
    frame = bytearray(bytes(packet))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    for link_type in LINK_TYPES:
        assert isinstance(decode(bytes(frame), TIME_NS, link_type), Observation | Reason)


@given(st.binary(max_size=200), st.sampled_from(sorted(LINK_TYPES)))
def test_any_bytes_have_an_answer(frame: bytes, link_type: int) -> None:
    assert isinstance(decode(frame, TIME_NS, link_type), Observation | Reason)


SEGMENT = TCP(sport=1, dport=2)
EXAMPLES: list[tuple[Packet, Reason]] = [
    (ethernet() / ARP(), Reason.NOT_IP),
    (ethernet() / ipv4_header() / UDP(), Reason.NOT_TCP),
    (ethernet() / ipv6_header() / ICMPv6EchoRequest(), Reason.NOT_TCP),
    (ethernet() / ipv4_header(frag=3) / SEGMENT, Reason.LATER_FRAGMENT),
    (ethernet() / ipv6_header() / IPv6ExtHdrFragment(offset=3) / SEGMENT, Reason.LATER_FRAGMENT),
    (ethernet() / ipv4_header(ihl=4) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv4_header(version=5) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv4_header(len=30) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv6_header(version=4) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv6_header(plen=10) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv4_header(ihl=15) / SEGMENT, Reason.MALFORMED),
    (ethernet() / ipv6_header(nh=0) / Raw(b"\x06"), Reason.TRUNCATED),
    (ethernet() / ipv6_header(nh=0) / Raw(b"\x06\xff" + bytes(30)), Reason.MALFORMED),
    (ethernet(type=0x8100) / Raw(b"\x00"), Reason.TRUNCATED),
    (ethernet() / ipv4_header(proto=4) / ipv4_header() / SEGMENT, Reason.NOT_TCP),
]


@pytest.mark.parametrize(("packet", "reason"), EXAMPLES, ids=lambda value: getattr(value, "name", None))
def test_what_is_no_observation_says_why(packet: Packet, reason: Reason) -> None:
    assert decode(bytes(packet), TIME_NS) is reason


def test_lengths_of_0_are_segments_that_are_still_to_be_cut_up() -> None:
    for network in (ipv4_header(len=0), ipv6_header(plen=0)):
        observation = decode(bytes(ethernet() / network / SEGMENT / Raw(bytes(100))), TIME_NS)
        assert observation == (network.src, network.dst, 1, 2, TIME_NS)


def test_padding_after_the_packet_is_not_looked_at() -> None:
    frame = bytes(ethernet() / ipv4_header() / SEGMENT) + bytes(6)
    assert decode(frame, TIME_NS) == ("10.0.0.1", "10.0.0.2", 1, 2, TIME_NS)


@pytest.mark.parametrize("flags", range(256))
def test_with_syn_only_a_packet_must_open_a_connection(flags: int) -> None:
    segment = TCP(sport=1, dport=2, flags=flags)
    for network in (ipv4_header(), ipv6_header(), ipv6_header() / IPv6ExtHdrDestOpt()):
        answer = decode(bytes(ethernet() / network / segment), TIME_NS, syn_only=True)
        assert isinstance(answer, Observation) if flags & 0x12 == 0x02 else answer is Reason.NOT_SYN


def test_with_syn_only_the_flags_must_be_there() -> None:
    frame = bytes(ethernet() / ipv4_header() / TCP(sport=1, dport=2, flags="S"))
    assert decode(frame[:47], TIME_NS, syn_only=True) is Reason.TRUNCATED
    assert isinstance(decode(frame[:48], TIME_NS, syn_only=True), Observation)
