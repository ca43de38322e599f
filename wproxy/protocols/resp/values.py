"""Builds the replies that the proxy gives itself. Shapes: RESP2, and RESP3 where a client has asked for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def simple(text: str) -> bytes:
    """Return a simple string such as +OK."""
    return f"+{text}\r\n".encode()


def error(text: str) -> bytes:
    """Return an error; line ends in `text`, which would end it early, become spaces.

    A client's own byte may stand in `text` as the Latin-1 character of that number.
    """
    line = " ".join(text.split()) if "\r" in text or "\n" in text else text
    return f"-{line}\r\n".encode("latin-1", "replace")


def null(protocol: int) -> bytes:
    """Return what stands for nothing."""
    return b"_\r\n" if protocol == 3 else b"$-1\r\n"


def integer(number: int) -> bytes:
    """Return an integer."""
    return b":%d\r\n" % number


def bulk(data: bytes) -> bytes:
    """Return a bulk string."""
    return b"$%d\r\n%b\r\n" % (len(data), data)


def array(items: Sequence[bytes]) -> bytes:
    """Return an array of values that are encoded already."""
    return b"*%d\r\n%b" % (len(items), b"".join(items))


def mapping(items: Mapping[bytes, bytes], protocol: int) -> bytes:
    """Return a map of names to encoded values: a map in RESP3, a flat array in RESP2."""
    pairs = b"".join(bulk(name) + value for name, value in items.items())
    return (b"%%%d\r\n%b" if protocol == 3 else b"*%d\r\n%b") % (len(items) * (1 if protocol == 3 else 2), pairs)
