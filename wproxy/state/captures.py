"""The last request and the last response of each proxy that broke its protocol, for `show errors`.

Any mode keeps its errors by `Captures.keep`; what only one protocol knows of them are the `facts`. Memory is bounded:
one capture for each proxy and side, of at most `LIMIT` bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wproxy.records import dataclass

LIMIT = 16 * 1024  # HAProxy's tune.bufsize


class Side(enum.Enum):
    """Who broke the protocol: a client, or a server."""

    REQUEST = "request"
    RESPONSE = "response"


class Named(NamedTuple):
    """A proxy or a server as the statistics call it: `name (#number)`."""

    name: str = "<NONE>"
    number: int = -1


NOBODY = Named()


class Excerpt(NamedTuple):
    """Bytes around a fault: those from `first` on of what the peer said, with the fault at `position`.

    Both are counted from the beginning of the message, which may be long gone.
    """

    data: bytes
    position: int
    first: int = 0


@dataclass(frozen=True, slots=True)
class Capture:
    """One fault. `facts` are lines about it in the words of its protocol, `source` is the client's host and port."""

    side: Side
    at: float
    frontend: Named
    backend: Named
    server: Named
    source: tuple[str, int] | None
    excerpt: Excerpt
    facts: tuple[str, ...] = ()

    @property
    def proxy(self) -> Named:
        """The proxy that kept it: the frontend of a request, the backend of a response."""
        return self.frontend if self.side is Side.REQUEST else self.backend

    def concerns(self, proxy_id: int) -> bool:
        """Tell whether it was kept by the proxy of that number, or came to it from the other one."""
        return proxy_id in (-1, self.frontend.number, self.backend.number)


class Captures:
    """The captures of the process, numbered from 0 in the order in which they came."""

    __slots__ = ("_last", "on_keep", "total")

    def __init__(self) -> None:
        self._last: dict[tuple[int, bool], tuple[int, Capture]] = {}
        self.total = 0
        self.on_keep: Callable[[Capture], None] | None = None  # called with each

    def keep(self, capture: Capture) -> None:
        """Keep `capture` in place of the one before of the same proxy and side."""
        self._last[capture.proxy.number, capture.side is Side.RESPONSE] = self.total, capture
        self.total += 1
        if self.on_keep is not None:
            self.on_keep(capture)

    def select(self, proxy_id: int = -1, side: Side | None = None) -> Iterator[tuple[int, Capture]]:
        """Yield numbers and captures, in the order of the proxies, the request of each first; -1 and None are all."""
        for _, (number, capture) in sorted(self._last.items(), key=lambda item: item[0]):
            if capture.concerns(proxy_id) and side in (None, capture.side):
                yield number, capture
