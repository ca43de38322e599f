from __future__ import annotations

import pytest

from capture.messages import Observation
from capture.options import Address
from capture.targets import Targets, target


def packet(destination: str, port: int) -> Observation:
    return Observation("192.0.2.1", destination, 50000, port, 0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("[::1]:9000", ("::1", 9000)),
        ("[2001:DB8:0::1]:1", ("2001:db8::1", 1)),
        ("[::102:304]:1", ("::1.2.3.4", 1)),  # as inet_ntop writes it, and so packets' addresses
        ("0.0.0.0:65535", ("0.0.0.0", 65535)),
    ],
)
def test_a_target_is_a_literal_in_canonical_form(text: str, address: tuple[str, int]) -> None:
    assert target(text) == address


@pytest.mark.parametrize(
    "text", ["", "9000", "localhost:9000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:9000", "1.2.3:4"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no HOST:PORT|is no IP address"):
        target(text)


def test_exact_addresses_want_their_own_packets_only() -> None:
    targets = Targets([Address("127.0.0.1", 9000), Address("::1", 9001)])
    assert targets.wants(packet("127.0.0.1", 9000))
    assert targets.wants(packet("::1", 9001))
    assert not targets.wants(packet("127.0.0.1", 9001))
    assert not targets.wants(packet("127.0.0.2", 9000))
    assert not targets.wants(packet("::1", 9000))


def test_a_wildcard_stands_for_its_own_family() -> None:
    ipv4, ipv6 = Targets([Address("0.0.0.0", 9000)]), Targets([Address("::", 9000)])
    assert ipv4.wants(packet("10.0.0.1", 9000))
    assert not ipv4.wants(packet("::1", 9000))
    assert not ipv4.wants(packet("10.0.0.1", 9001))
    assert ipv6.wants(packet("::1", 9000))
    assert not ipv6.wants(packet("10.0.0.1", 9000))


def test_the_filters_name_host_and_port() -> None:
    one = Targets([Address("127.0.0.1", 9000)]).filters()
    assert one.plain_ipv4 == one.untagged == "(ip dst host 127.0.0.1 and tcp dst port 9000)"
    assert one.plain_ipv6 is None
    assert one.tagged == f"{one.untagged} or (vlan and ({one.untagged} or (vlan and ({one.untagged}))))"
    two = Targets([Address("::1", 9), Address("::", 10), Address("0.0.0.0", 11)]).filters()
    assert two.plain_ipv6 == "(ip6 dst host ::1 and tcp dst port 9) or (ip6 and tcp dst port 10)"
    assert two.plain_ipv4 == "(ip and tcp dst port 11)"
    assert "(ip6 dst host ::1 and ((tcp dst port 9) or ip6[6] == 0 or" in two.untagged


def test_a_packet_that_opens_a_connection_is_known_by_other_bytes_over_ipv6() -> None:
    filters = Targets([Address("::1", 9), Address("127.0.0.1", 9)]).filters(syn_only=True)
    assert filters.plain_ipv6 == "(ip6 dst host ::1 and tcp dst port 9 and ip6[53] & 0x12 == 0x02)"
    assert filters.plain_ipv4 == "(ip dst host 127.0.0.1 and tcp dst port 9 and tcp[13] & 0x12 == 0x02)"
