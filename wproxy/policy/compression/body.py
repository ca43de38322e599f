"""One response's body on its way through compression: as it comes from the server in, chunks for the client out."""

from __future__ import annotations

from wproxy.config.http.squeezing import Algorithm
from wproxy.policy.compression.stream import stream
from wproxy.protocols.http1.chunks import Unchunker, framed


class CompressedBody:
    """`taken` and `made` are how many bytes of the body have come, and how many have become of them."""

    __slots__ = ("_chunks", "_stream", "algorithm", "made", "taken")

    def __init__(self, algorithm: Algorithm, *, chunked: bool) -> None:
        """Take how to compress, and whether the body comes in chunks."""
        self.algorithm = algorithm
        self._stream = stream(algorithm)
        self._chunks = Unchunker() if chunked else None
        self.taken = 0
        self.made = 0

    def pass_on(self, data: bytes, *, last: bool) -> bytes:
        """Return what to send for `data`; `last` tells that the body ends with it."""
        chunks = self._chunks
        if chunks is not None:
            data = chunks.feed(data)
        self.taken += len(data)
        made = self._stream.feed(data)
        if last:
            made += self._stream.finish()
        self.made += len(made)
        sent = framed(made)
        if not last:
            return sent
        trailers = b"\r\n" if chunks is None else chunks.trailers or b"\r\n"
        return sent + b"0\r\n" + trailers
