"""Which packets are ours: those to a listening address and port, as a kernel filter and as a test on observations.

The wildcards 0.0.0.0 and [::] stand for every address of their own family.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address

from capture.messages import Observation
from capture.options import Address, address

# `tcp dst port` sees only TCP that follows the IPv6 header at once: hop-by-hop options, routing, fragment,
# authentication and destination options in between pass the filter here, and `Targets.wants` looks at the port.
_EXTENSION_HEADERS = (0, 43, 44, 51, 60)


def target(text: str) -> Address:
    """Return the listening address that `text` names, its host in canonical form; raise ValueError when it is none."""
    host, port = address(text)
    try:
        return Address(str(ip_address(host)), port)
    except ValueError as error:
        raise ValueError(f"'{text}': {host} is no IP address: names are not resolved here") from error


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

    @property
    def filter(self) -> str:
        """Return the filter in pcap's language (pcap-filter(7)), with and without a VLAN tag."""
        expression = " or ".join(f"({_filter(one)})" for one in self._addresses)
        # The kernel takes the outermost tag off; one that is still there is the inner one of QinQ.
        return f"{expression} or (vlan and ({expression}))"


def _filter(one: Address) -> str:
    host = ip_address(one.host)
    if isinstance(host, IPv4Address):
        place = "ip" if host.is_unspecified else f"ip dst host {host}"
        return f"{place} and tcp dst port {one.port}"
    place = "ip6" if host.is_unspecified else f"ip6 dst host {host}"
    extended = " or ".join(f"ip6[6] == {number}" for number in _EXTENSION_HEADERS)
    return f"{place} and (tcp dst port {one.port} or {extended})"
