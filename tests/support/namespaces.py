"""A network of one's own: what is sent in it is seen by nobody else, and what others send is not seen in it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.programs import need

_CLONE_NEWNET = 0x40000000


@contextmanager
def own_network() -> Iterator[None]:
    """Within the block this thread, and the processes it starts, are in a new network with nothing but `lo`."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.unshare(_CLONE_NEWNET):
            reason = f"no network namespace: {os.strerror(ctypes.get_errno())}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        ip("link", "set", "lo", "up")
        yield
    finally:
        libc.setns(before, _CLONE_NEWNET)
        os.close(before)


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run([need("ip"), *arguments], check=True, capture_output=True, timeout=10)
