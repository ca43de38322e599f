"""Fields that tell servers who the client is: `option forwardfor`, `option originalto` (manual, section 4.2).

Where both frontend and backend have the option, its field is the backend's, a network that either excepts is excepted,
and `if-none` holds only if both say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wproxy.config.acl.samples import text_of
from wproxy.config.http.forwarding import AddressField
from wproxy.protocols.http1.heads import RequestHead

_REMEMBERED = 4096  # addresses

Lines = Callable[[RequestHead, bytes | None, bytes | None], bytes]
"""The lines to add to the head of a request, given the client's packed address and the one it came to."""


class _Teller:
    """Makes the line of one field; what was made for an address is remembered, within bounds."""

    __slots__ = ("_excepted", "_if_none", "_known", "_name")

    def __init__(self, options: Iterable[AddressField]) -> None:
        """Take the options of frontend and backend, in this order."""
        options = list(options)
        self._name = options[-1].name
        self._if_none = all(option.if_none for option in options)
        self._excepted = [option.excepted for option in options if option.excepted is not None]
        self._known: dict[bytes, bytes] = {}

    def line(self, head: RequestHead, address: bytes | None) -> bytes:
        if address is None or (self._if_none and head.values(self._name)):
            return b""
        line = self._known.get(address)
        return self._new(address) if line is None else line

    def _new(self, address: bytes) -> bytes:
        excepted = any(address in networks for networks in self._excepted)
        line = b"" if excepted else b"%b: %b\r\n" % (self._name, text_of(address).encode())
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[address] = line
        return line


def address_lines(
    forwarded_for: Iterable[AddressField | None], original_to: Iterable[AddressField | None]
) -> Lines | None:
    """Return what makes the lines, given the options of frontend and backend; None where neither has one."""
    source, destination = _teller(forwarded_for), _teller(original_to)
    if source is None and destination is None:
        return None
    if destination is None:
        assert source is not None
        tells = source.line
        return lambda head, client, local: tells(head, client)
    to = destination.line
    if source is None:
        return lambda head, client, local: to(head, local)
    of = source.line
    return lambda head, client, local: of(head, client) + to(head, local)


def _teller(options: Iterable[AddressField | None]) -> _Teller | None:
    given = [option for option in options if option is not None]
    return _Teller(given) if given else None
