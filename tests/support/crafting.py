"""Crafts packets with scapy by the thousand, always the same ones for a seed, and tells what scapy makes of them."""

from __future__ import annotations

import random
from typing import Any

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
    from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
    from scapy.packet import Packet, Raw

IPV4_HOSTS = ("192.0.2.1", "192.0.2.2", "198.51.100.7")
IPV6_HOSTS = ("2001:db8::1", "2001:db8::2", "2001:db8:0:1:2:3:4:5")
PORTS = (9000, 9001, 443)


class Crafter:
    """Makes frames: stretches of plain packets of one family, and among them whatever else there is."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def frames(self, count: int) -> list[bytes]:
        """Return `count` Ethernet frames."""
        made: list[bytes] = []
        while len(made) < count:
            kind = self._random.choice((self._plain_ipv4, self._plain_ipv6, self._strange, self._strange))
            made += [bytes(kind()) for _ in range(self._random.choice((1, 2, 5, 40)))]
        return made[:count]

    def _plain_ipv4(self) -> Packet:
        return _ethernet() / self._ipv4() / self._tcp() / self._body()

    def _plain_ipv6(self) -> Packet:
        return _ethernet() / self._ipv6() / self._tcp() / self._body()

    def _strange(self) -> Packet:
        choice = self._random.choice
        packet = _ethernet()
        for _ in range(choice((0, 0, 1, 2))):
            packet /= choice((Dot1Q, Dot1AD))(vlan=self._random.randrange(4096))
        if choice((True, False)):
            options = [choice((IPOption_NOP(), IPOption_RR(routers=["1.2.3.4"]))) for _ in range(choice((0, 0, 1, 3)))]
            packet /= self._ipv4(options=options, frag=choice((0, 0, 0, 1, 185)), flags=choice((0, 1, 2)))
        elif self._random.random() < 0.05:
            return packet / ARP(psrc="10.0.0.1", hwsrc="00:00:00:00:00:01", pdst="10.0.0.2")
        else:
            packet /= self._ipv6()
            for _ in range(choice((0, 0, 1, 2))):
                packet /= self._extension()
            if self._random.random() < 0.2:
                packet /= AH(icv=bytes(12))  # last, because scapy does not dissect the headers that follow it
        return packet / self._transport() / self._body()

    def _ipv4(self, **fields: Any) -> Packet:
        source = ".".join(str(self._random.randint(1, 223)) for _ in range(4))
        return IP(src=source, dst=self._random.choice(IPV4_HOSTS), tos=self._random.randrange(256), **fields)

    def _ipv6(self) -> Packet:
        source = ":".join(f"{self._random.choice((0, 0, 0xFFFF, self._random.randrange(65536))):x}" for _ in range(8))
        return IPv6(src=source, dst=self._random.choice(IPV6_HOSTS), tc=self._random.randrange(256))

    def _tcp(self) -> Packet:
        number = self._random.randrange
        options = self._random.choice(([], [], [("MSS", 1460), ("NOP", None), ("WScale", 7)], [("Timestamp", (1, 2))]))
        return TCP(sport=number(65536), dport=self._random.choice(PORTS), flags=number(256), options=options)

    def _transport(self) -> Packet:
        if self._random.random() < 0.8:
            return self._tcp()
        port = self._random.choice(PORTS)
        return self._random.choice((UDP(sport=1, dport=port), ICMP(), ICMPv6EchoRequest()))

    def _extension(self) -> Packet:
        match self._random.randrange(4):
            case 0:
                return IPv6ExtHdrHopByHop()
            case 1:
                return IPv6ExtHdrDestOpt()
            case 2:
                return IPv6ExtHdrRouting(addresses=["2001:db8::9"] * self._random.randrange(3))
        return IPv6ExtHdrFragment(offset=self._random.choice((0, 0, 1, 185)), m=1)

    def _body(self) -> Packet:
        return Raw(bytes(self._random.choice((0, 1, 6, 18, 40, 300, 1200))))


def dissected(frame: bytes, time_ns: int = 0) -> Observation | None:
    """Return what scapy makes of `frame`: only the outermost IP packet counts."""
    packet = Ether(frame)
    network = packet.getlayer(IP) or packet.getlayer(IPv6)
    if network is None or TCP not in network:
        return None
    return Observation(network.src, network.dst, network[TCP].sport, network[TCP].dport, time_ns)


def opens_connection(frame: bytes) -> bool:
    """Tell whether `frame`, which scapy finds TCP in, has SYN and not ACK."""
    return int(Ether(frame)[TCP].flags) & 0x12 == 0x02


def _ethernet() -> Packet:
    # Another station's address: the stack lets it go, whatever stands in it.
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:99")
