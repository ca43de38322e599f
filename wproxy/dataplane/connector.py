"""Connections to servers, by whatever kind of address the configuration gives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TypeVar

from wproxy.config.model import Address

_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def open_connection(loop: asyncio.AbstractEventLoop, address: Address, factory: Callable[[], P]) -> P:
    """Connect to `address` and return the protocol that `factory` made for it; raise OSError."""
    if address.path:
        _, protocol = await loop.create_unix_connection(factory, address.path)
    else:
        family = _FAMILIES[address.family]
        _, protocol = await loop.create_connection(factory, address.host, address.port, family=family)
    return protocol
