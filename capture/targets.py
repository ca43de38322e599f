"""Which packets are ours: those to a listening address and port, as a kernel filter and as a test on observations.

The wildcards 0.0.0.0 and [::] stand for every address of their own family.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from capture.messages import Observation
from capture.options import Address, address

# `tcp dst port` sees only TCP that follows the IPv6 header at once: hop-by-hop options, routing, fragment,
# authentication and destination options in between pass the filter here, and `Targets.wants` looks at the port.
_EXTENSION_HEADERS = (0, 43, 44, 51, 60)


def target(text: str) -> Address:
    """Return the listening address that `text` names, its host in canonical form; raise ValueError when it is none."""
    host, port = address(text)
    try:
        packed = ip_address(host).packed
    except ValueError as error:
        raise ValueError(f"'{text}': {host} is no IP address: names are not resolved here") from error
    return Address(inet_ntop(AF_INET if len(packed) == 4 else AF_INET6, packed), port)  # the form that packets get


class Filters(NamedTuple):
    """Filters in pcap's language (pcap-filter(7)); None where no address of the family is watched.

    `plain_…` are for packets of which it is known that the TCP header follows the IP header at once and that there is
    no tag; `tagged` and `untagged` are for all packets, of links that have VLAN tags and of links that have none.
    """

    plain_ipv4: str | None
    plain_ipv6: str | None
    tagged: str
    untagged: str


class Targets:
    """The listening addresses of one capture."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._addresses = tuple(addresses)
        self._exact = frozenset((host, port) for host, port in self._addresses)
        self._any_ipv4 = frozenset(port for host, port in self._addresses if host == "0.0.0.0")
        self._any_ipv6 = frozenset(port for host, port in self._addresses if host == "::")

    def wants(self, observation: Observation) -> bool:
        """Tell whether the packet was sent to one of the addresses."""
        destination, port = observation.destination, observation.destination_port
        if (destination, port) in self._exact:
            return True
        return port in (self._any_ipv6 if ":" in destination else self._any_ipv4)

    def filters(self, *, syn_only: bool = False) -> Filters:
        """Return the filters that let these packets through, with `syn_only` those that open a connection."""
        every = " or ".join(f"({_filter(one, syn_only)})" for one in self._addresses)
        return Filters(
            plain_ipv4=self._plain(4, syn_only),
            plain_ipv6=self._plain(6, syn_only),
            # The kernel takes the outermost tag off, but for the old 0x9100: one or two are still there.
            tagged=f"{every} or (vlan and ({every} or (vlan and ({every}))))",
            untagged=every,
        )

    def _plain(self, version: int, syn_only: bool) -> str | None:
        ours = [one for one in self._addresses if ip_address(one.host).version == version]
        return " or ".join(f"({_place(one)} and {_segment(one, syn_only)})" for one in ours) or None


def _place(one: Address) -> str:
    host = ip_address(one.host)
    family = "ip" if isinstance(host, IPv4Address) else "ip6"
    return family if host.is_unspecified else f"{family} dst host {host}"


def _segment(one: Address, syn_only: bool) -> str:
    """Return the test on a TCP header that follows the IP header at once."""
    if not syn_only:
        return f"tcp dst port {one.port}"
    # pcap's `tcp[13]` is of IPv4 only: over IPv6 it matches nothing.
    flags = "ip6[53]" if ":" in one.host else "tcp[13]"
    return f"tcp dst port {one.port} and {flags} & 0x12 == 0x02"


def _filter(one: Address, syn_only: bool) -> str:
    if ":" not in one.host:
        return f"{_place(one)} and {_segment(one, syn_only)}"
    extended = " or ".join(f"ip6[6] == {number}" for number in _EXTENSION_HEADERS)
    return f"{_place(one)} and (({_segment(one, syn_only)}) or {extended})"
