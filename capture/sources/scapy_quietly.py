"""Imports scapy without the warnings that it logs about the machine it finds itself on."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_scapy() -> Iterator[None]:
    """Keep scapy's log lines off stderr from now on, and the warnings of what it imports within the block."""
    for name in ("scapy", "scapy.runtime", "scapy.loading"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
