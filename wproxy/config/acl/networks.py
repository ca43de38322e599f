"""Sets of IP addresses and networks, as patterns write them (manual, section 7.1.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from wproxy.config.values import ArgumentError

_MAPPED = bytes(10) + b"\xff\xff"
_COMPATIBLE = bytes(12)
_SIX_TO_FOUR = b"\x20\x02"
_SHORT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,3}))?(?:\.([0-9]{1,3}))?(?:\.([0-9]{1,3}))?")


class Networks:
    """Tells whether packed addresses lie in any of the networks; looks once per distinct length of mask."""

    __slots__ = ("_four", "_six")

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take networks written as `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.1` or `fe80::/10`; raise ArgumentError."""
        self._four: dict[int, set[int]] = {}
        self._six: dict[int, set[int]] = {}
        for pattern in patterns:
            address, mask = _network(pattern)
            networks = self._four if len(address) == 4 else self._six
            networks.setdefault(mask, set()).add(int.from_bytes(address, "big") & mask)

    def __contains__(self, address: object) -> bool:
        """Tell whether the packed `address` is in one of them."""
        assert isinstance(address, bytes)
        if len(address) == 4:
            return _within(self._four, address) or (bool(self._six) and _within(self._six, _MAPPED + address))
        if _within(self._six, address):
            return True
        inner = _embedded(address) if self._four else None
        return inner is not None and _within(self._four, inner)


class NetworkMap:
    """Finds the value of the smallest network that an address is in; written as `Networks` has them."""

    __slots__ = ("_four", "_six")

    def __init__(self, entries: Iterable[tuple[str, Any]]) -> None:
        """Take networks and their values; of several for one network the first counts. Raise ArgumentError."""
        four: dict[int, dict[int, Any]] = {}
        six: dict[int, dict[int, Any]] = {}
        for pattern, value in entries:
            address, mask = _network(pattern)
            networks = four if len(address) == 4 else six
            networks.setdefault(mask, {}).setdefault(int.from_bytes(address, "big") & mask, value)
        self._four = sorted(four.items(), reverse=True)  # the longest mask first
        self._six = sorted(six.items(), reverse=True)

    def get(self, address: bytes) -> Any:  # noqa: ANN401 - whatever the values are
        """Return the value for the packed `address`, None without one."""
        inner = address if len(address) == 4 else _embedded(address)
        if inner is not None:
            value = _found(self._four, inner)
            if value is not None or (len(address) == 4 and not self._six):
                return value
        return _found(self._six, _MAPPED + address if len(address) == 4 else address)


def _found(networks: list[tuple[int, dict[int, Any]]], address: bytes) -> Any:  # noqa: ANN401 - see above
    number = int.from_bytes(address, "big")
    for mask, values in networks:
        value = values.get(number & mask)
        if value is not None:
            return value
    return None


def _within(networks: dict[int, set[int]], address: bytes) -> bool:
    number = int.from_bytes(address, "big")
    return any(number & mask in values for mask, values in networks.items())


def _embedded(address: bytes) -> bytes | None:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if address[:12] in (_MAPPED, _COMPATIBLE):
        return address[12:]
    return address[2:6] if address[:2] == _SIX_TO_FOUR else None


def _network(text: str) -> tuple[bytes, int]:
    """Return packed address and mask of one pattern."""
    host, slash, length = text.partition("/")
    address = _address(host)
    mask = None if address is None else mask_of(length, len(address)) if slash else 2 ** (8 * len(address)) - 1
    if address is None or mask is None:
        raise ArgumentError(f"'{text}' is not a valid IPv4 or IPv6 address or network (wproxy resolves no names here)")
    return address, mask


def _address(text: str) -> bytes | None:
    short = _SHORT.fullmatch(text)
    try:
        if short is None:
            return IPv6Address(text).packed
        # 10.12 is 10.0.0.12: the octets that are left out are zeros in front of the last.
        octets = [octet for octet in short.groups() if octet is not None]
        head, last = (octets[:-1], octets[-1]) if len(octets) > 1 else (octets, "0")
        return IPv4Address(".".join([*head, *["0"] * (3 - len(head)), last])).packed
    except ValueError:
        return None


def mask_of(text: str, size: int) -> int | None:
    """Return the mask of an address of `size` bytes that `text` writes, as a length or as an address; None for none."""
    bits = 8 * size
    if text.isascii() and text.isdigit() and int(text) <= bits:
        return (1 << bits) - (1 << (bits - int(text)))
    try:
        return int(IPv4Address(text)) if size == 4 else None
    except ValueError:
        return None
