"""The key that `balance source` goes by: the client's address as one number of 32 bits, as HAProxy folds it."""

from __future__ import annotations

from ipaddress import ip_address


def source_key(host: str) -> int:
    """Return the address `host`; of IPv6 the exclusive or of its four quarters; 0 for what is no address (unix)."""
    try:
        address = ip_address(host)
    except ValueError:
        return 0
    return folded(address.packed)


def folded(packed: bytes) -> int:
    """Return the same of an address that is packed into 4 or 16 bytes."""
    number = int.from_bytes(packed, "big")
    return (number ^ number >> 32 ^ number >> 64 ^ number >> 96) & 0xFFFFFFFF
