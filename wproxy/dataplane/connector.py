"""Connections to servers, by whatever kind of address the configuration gives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from wproxy.config.model import Address

P = TypeVar("P", bound=asyncio.BaseProtocol)


async def open_connection(loop: asyncio.AbstractEventLoop, address: Address, factory: Callable[[], P]) -> P:
    """Connect to `address` and return the protocol that `factory` made for it; raise OSError."""
    if address.path:
        _, protocol = await loop.create_unix_connection(factory, address.path)
    else:
        _, protocol = await loop.create_connection(factory, address.host, address.port)
    return protocol
