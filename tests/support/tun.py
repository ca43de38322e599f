"""An interface that the test itself is the other end of: what is written to it arrives on it as raw IP packets."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.namespaces import ip

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000


@contextmanager
def tun(name: str) -> Iterator[int]:
    """Yield the descriptor to write packets to; the interface `name` is up, and gone after the block."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
        ip("link", "set", name, "up")
        yield descriptor
    finally:
        os.close(descriptor)
