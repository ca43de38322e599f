"""The filter's program, run by an interpreter of classic BPF: what it answers to packets that scapy crafted."""

from __future__ import annotations

import pytest

from capture.options import Address
from capture.sources.packet_socket import _compiled
from capture.sources.program import (
    IPV4_SNAP,
    IPV6_SNAP,
    Instruction,
    Programs,
    by_hardware_type,
    ethernet_program,
    with_snap,
)
from capture.sources.scapy_quietly import quiet_scapy
from capture.targets import Targets

with quiet_scapy():
    from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
    from scapy.layers.l2 import ARP, Dot1Q, Ether
    from scapy.packet import Packet

SNAP = 256
HEAD = Ether(src="00:00:00:00:00:01", dst="00:00:00:00:00:02")
V4 = IP(src="10.0.0.1", dst="192.0.2.1")
V6 = IPv6(src="::1", dst="2001:db8::1")
SEGMENT = TCP(sport=1, dport=9000, flags="S")


def answer(program: list[Instruction], frame: bytes, hardware: int = 1) -> int:
    """Run `program` on `frame`, as the kernel does: a load beyond the end refuses the packet."""
    accumulator = index = at = 0
    while True:
        code, yes, no, operand = program[at]
        at += 1
        match code & 0x07:
            case 0x06:
                return operand
            case 0x05 if code == 0x05:
                at += operand
            case 0x05:
                at += yes if holds(code & 0xF0, accumulator, operand) else no
            case 0x04:
                assert code == 0x54, f"an operation this interpreter does not know: {code:#x}"
                accumulator &= operand
            case _:
                value = loaded(code, operand, index, frame, hardware)
                if value is None:
                    return 0
                accumulator, index = (accumulator, value) if code == 0xB1 else (value, index)


def holds(test: int, accumulator: int, operand: int) -> bool:
    tests = {
        0x10: accumulator == operand,
        0x20: accumulator > operand,
        0x30: accumulator >= operand,
        0x40: bool(accumulator & operand),
    }
    return tests[test]


def loaded(code: int, operand: int, index: int, frame: bytes, hardware: int) -> int | None:
    """Return what a load instruction loads; None when the frame ends before it."""
    if operand == 0xFFFFF000 + 28:
        return hardware
    start = operand + (index if code & 0xE0 == 0x40 else 0)
    size = 1 if code == 0xB1 else {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
    if start + size > len(frame):
        return None
    value = int.from_bytes(frame[start : start + size], "big")
    return 4 * (value & 0x0F) if code == 0xB1 else value


def program(*addresses: Address, syn_only: bool = False) -> list[Instruction]:
    filters = Targets(addresses).filters(syn_only=syn_only)
    compiled = [None if text is None else _compiled(text, 1) for text in filters[:2]]
    return ethernet_program(Programs(compiled[0], compiled[1], _compiled(filters.tagged, 1)), SNAP)


BOTH = (Address("192.0.2.1", 9000), Address("2001:db8::1", 9000))


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (HEAD / V4 / SEGMENT, IPV4_SNAP),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.1", flags="MF") / SEGMENT, IPV4_SNAP),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.1", len=0) / SEGMENT, IPV4_SNAP),
        (HEAD / V6 / SEGMENT, IPV6_SNAP),
        (HEAD / IPv6(src="::1", dst="2001:db8::1", plen=0) / SEGMENT, IPV6_SNAP),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.1", options=[IPOption_NOP()]) / SEGMENT, SNAP),
        (HEAD / V6 / IPv6ExtHdrDestOpt() / SEGMENT, SNAP),
        (HEAD / V6 / IPv6ExtHdrFragment() / SEGMENT, SNAP),
        (HEAD / Dot1Q(vlan=1) / V4 / SEGMENT, SNAP),
        (HEAD / Dot1Q(vlan=1) / Dot1Q(vlan=2) / V6 / SEGMENT, SNAP),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.1", len=39) / SEGMENT, 0),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.1", frag=1) / SEGMENT, 0),
        (HEAD / IP(src="10.0.0.1", dst="192.0.2.2") / SEGMENT, 0),
        (HEAD / V4 / TCP(sport=9000, dport=9001), 0),
        (HEAD / V4 / UDP(sport=1, dport=9000), 0),
        (HEAD / IPv6(src="::1", dst="2001:db8::1", plen=19) / SEGMENT, 0),
        (HEAD / IPv6(src="::1", dst="2001:db8::1", version=4) / SEGMENT, 0),
        (HEAD / IPv6(src="::1", dst="2001:db8::2") / SEGMENT, 0),
        (HEAD / V6 / UDP(sport=1, dport=9000), 0),
        (HEAD / ARP(psrc="10.0.0.1", hwsrc="00:00:00:00:00:01", pdst="192.0.2.1"), 0),
    ],
)
def test_the_answer_tells_plain_packets_from_others(packet: Packet, expected: int) -> None:
    assert answer(program(*BOTH), bytes(packet)) == expected


@pytest.mark.parametrize(("flags", "is_taken"), [("S", True), ("SEC", True), ("SA", False), ("A", False), ("F", False)])
def test_with_syn_only_the_packet_must_open_a_connection(flags: str, is_taken: bool) -> None:
    wanted = program(*BOTH, syn_only=True)
    for network in (V4, V6, Dot1Q(vlan=1) / V4, Dot1Q(vlan=1) / V6):
        frame = bytes(HEAD / network / TCP(sport=1, dport=9000, flags=flags))
        assert bool(answer(wanted, frame)) is is_taken


def test_a_family_that_is_not_watched_is_refused() -> None:
    ipv4, ipv6 = program(BOTH[0]), program(BOTH[1])
    assert answer(ipv4, bytes(HEAD / V6 / SEGMENT)) == 0
    assert answer(ipv6, bytes(HEAD / V4 / SEGMENT)) == 0


def test_many_addresses_are_reached_by_long_jumps() -> None:
    addresses = [Address(f"192.0.2.{number}", 9000 + number) for number in range(1, 60)]
    wanted = program(*addresses, Address("2001:db8::1", 9000))
    last = TCP(sport=1, dport=9059)
    assert answer(wanted, bytes(HEAD / IP(src="10.0.0.1", dst="192.0.2.59") / last)) == IPV4_SNAP
    assert answer(wanted, bytes(HEAD / Dot1Q(vlan=1) / IP(src="10.0.0.1", dst="192.0.2.59") / last)) == SNAP
    assert answer(wanted, bytes(HEAD / V6 / SEGMENT)) == IPV6_SNAP
    assert answer(wanted, bytes(HEAD / IP(src="10.0.0.1", dst="192.0.2.58") / last)) == 0


def test_the_hardware_type_chooses_the_program() -> None:
    raw = with_snap(_compiled(Targets(BOTH).filters().untagged, 101), SNAP)
    whole = by_hardware_type((((1, 772), program(*BOTH)), ((65534, 768), raw)))
    for hardware in (1, 772):
        assert answer(whole, bytes(HEAD / V4 / SEGMENT), hardware) == IPV4_SNAP
        assert answer(whole, bytes(V4 / SEGMENT), hardware) == 0
    for hardware in (65534, 768):
        assert answer(whole, bytes(V4 / SEGMENT), hardware) == SNAP
        assert answer(whole, bytes(V6 / SEGMENT), hardware) == SNAP
    assert answer(whole, bytes(V4 / SEGMENT), 512) == 0
