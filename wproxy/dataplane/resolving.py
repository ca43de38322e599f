"""Names of hosts: looked up when a connection is made, by the loop's own threads."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from ipaddress import ip_address

from wproxy.config.model import Address


def is_literal(host: str) -> bool:
    """Tell whether `host` is an address that needs no lookup."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


async def resolve(loop: asyncio.AbstractEventLoop, address: Address) -> Address:
    """Return `address` with the first address of its host; raise OSError."""
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return replace(address, host=str(found[0][4][0]))
