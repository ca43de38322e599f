"""What conditions ask of the process besides the connection (`config.acl.facts.Process`)."""

from __future__ import annotations

import itertools
import os
import random
import socket
import time
from collections.abc import Callable, Mapping

from wproxy.config.acl.facts import BackendFacts, FrontendFacts
from wproxy.config.acl.table_facts import TableFacts
from wproxy.dataplane.crypt import Crypt
from wproxy.state.registry import Registry
from wproxy.state.tracking import Ledger


class LiveProcess:
    """The live proxies, this host's addresses and name, chance and the date."""

    __slots__ = ("_crypt", "backends", "frontends", "host_name", "log_line_max", "next_number", "tables")

    def __init__(self, registry: Registry, log_line_max: int, clock: Callable[[], float]) -> None:
        self.tables: Mapping[str, TableFacts] = {name: Ledger(each, clock) for name, each in registry.tables.items()}
        self.log_line_max = log_line_max
        self.next_number = itertools.count().__next__
        self.backends: Mapping[str, BackendFacts] = registry.backends
        self.frontends: Mapping[str, FrontendFacts] = registry.frontends
        self.host_name = socket.gethostname()
        self._crypt = Crypt()

    @property
    def number(self) -> int:
        """The process id."""
        return os.getpid()

    def is_local(self, address: bytes) -> bool:
        """Tell whether the packed `address` is this host's: whether a socket can be bound to it."""
        family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((socket.inet_ntop(family, address), 0))
        except OSError:
            return False
        return True

    def random(self, limit: int) -> int:
        """Return a random number from 0 to `limit` - 1."""
        return random.randrange(limit)

    def date_s(self) -> int:
        """Return the seconds since 1970."""
        return int(time.time())

    def date_us(self) -> int:
        """Return the microseconds since 1970."""
        return time.time_ns() // 1_000

    def date_text(self, layout: str, seconds: int, *, local: bool) -> str:
        """Return `seconds` since 1970 in the `layout` of strftime(3), local time or UTC; "" for a date that is none."""
        try:
            return time.strftime(layout, time.localtime(seconds) if local else time.gmtime(seconds))
        except (OverflowError, ValueError, OSError):
            return ""

    def proves(self, password: str, encrypted: str) -> bool:
        """Tell whether crypt(3) makes `encrypted` of `password`; both with one character per byte."""
        return self._crypt.proves(password.encode("latin-1"), encrypted.encode("latin-1"))
