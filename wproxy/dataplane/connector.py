"""Connections to servers, by whatever kind of address the configuration gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from wproxy.config.model import Address
from wproxy.dataplane.resolving import FAMILIES

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def open_connection(loop: asyncio.AbstractEventLoop, address: Address, factory: Callable[[], P]) -> P:
    """Connect to `address` and return the protocol that `factory` made for it; raise OSError."""
    if address.path:
        _, protocol = await loop.create_unix_connection(factory, address.path)
    else:
        family = FAMILIES[address.family]
        _, protocol = await loop.create_connection(factory, address.host, address.port, family=family)
    return protocol
