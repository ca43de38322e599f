"""What the `compression` lines of a proxy say (manual, section 4.2)."""

from __future__ import annotations

import enum

from wproxy.records import dataclass


class Algorithm(enum.Enum):
    """How a body is compressed."""

    IDENTITY = "identity"
    GZIP = "gzip"
    DEFLATE = "deflate"
    RAW_DEFLATE = "raw-deflate"

    @property
    def coding(self) -> bytes:
        """The content coding, as clients and responses call it."""
        return b"deflate" if self is Algorithm.RAW_DEFLATE else self.value.encode()


@dataclass(frozen=True, slots=True)
class Compression:
    """How one proxy compresses responses; without algorithms not at all, without types any but multipart ones.

    `offloads` takes `Accept-Encoding` out of requests, so that servers do not compress themselves.
    """

    algorithms: tuple[Algorithm, ...] = ()
    types: tuple[bytes, ...] = ()
    offloads: bool = False
