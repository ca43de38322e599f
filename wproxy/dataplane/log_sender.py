"""Sends log lines: datagrams to UDP ports and unix sockets, writes to descriptors. Nothing waits, nothing is kept.

A line that cannot be sent at once is dropped and counted. The first failure in a row is told, so that a log server that
is away shows up once, not once a line.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable

from wproxy.config.model import Address, Config

_SEND_BUFFER = 1 << 20  # what a burst may occupy in the kernel before lines are dropped
_Attempt = Callable[[bytes], None]


class LogSender:
    """One log server. Owns its socket; a descriptor of the process is only borrowed."""

    __slots__ = ("_address", "_attempt", "_complain", "_failing", "_socket", "dropped")

    def __init__(self, address: Address, complain: Callable[[str], None]) -> None:
        """Prepare to send to `address`; raise OSError when its host has no address or the descriptor is not open."""
        self._address = address
        self._complain = complain
        self._failing = False
        self._socket: socket.socket | None = None
        self._attempt = self._to_descriptor(address.fd) if address.fd is not None else self._to_socket(address)
        self.dropped = 0

    def send(self, line: bytes) -> None:
        """Send `line`, or drop and count it."""
        try:
            self._attempt(line)
        except OSError as error:
            self.dropped += 1
            if not self._failing:
                self._failing = True
                reason = os.strerror(error.errno) if error.errno else str(error)
                self._complain(
                    f"log {self._address}: {reason.lower()}; lines are dropped, see DroppedLogs in show info"
                )
        else:
            self._failing = False

    def close(self) -> None:
        """Give back the socket."""
        if self._socket is not None:
            self._socket.close()

    def _to_socket(self, address: Address) -> _Attempt:
        target: str | tuple[str, int] = address.path
        family = socket.AF_UNIX
        if not address.path:
            # Once, at the start: a lookup for each line would wait for the name server.
            family, *_, found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
            target = str(found[0]), int(found[1])
        endpoint = self._socket = socket.socket(family, socket.SOCK_DGRAM)
        endpoint.setblocking(False)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)

        # Not connected: a server that comes back, on the same path or port, gets the next line.
        def attempt(line: bytes) -> None:
            endpoint.sendto(line, target)

        return attempt

    def _to_descriptor(self, descriptor: int) -> _Attempt:
        os.fstat(descriptor)
        # The mode of a descriptor is shared with other programs and with stderr, so it stays as it is. A pipe that is
        # ready takes PIPE_BUF bytes without a wait.
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)

        def attempt(line: bytes) -> None:
            if not ready.poll(0):
                raise BlockingIOError
            if len(line) > select.PIPE_BUF:
                line = line[: select.PIPE_BUF - 1] + b"\n"
            os.write(descriptor, line)

        return attempt


class LogSenders:
    """The log servers of a configuration, one sender for each address."""

    def __init__(self) -> None:
        self._senders: dict[Address, LogSender] = {}
        self.complain: Callable[[str], None] = lambda text: None  # called with a line about a log server that is away

    def open(self, config: Config) -> list[str]:
        """Open those that proxies log to; return a line for each that cannot be opened."""
        faults: list[str] = []
        proxies = (proxy for proxies in (config.frontends, config.backends) for proxy in proxies)
        for target in (target for proxy in proxies if not proxy.disabled for target in proxy.logs.targets):
            if target.address in self._senders:
                continue
            try:
                self._senders[target.address] = LogSender(target.address, self._tell)
            except OSError as error:
                where = f"[{target.location.file}:{target.location.line}]"
                reason = (error.strerror or str(error)).lower()
                faults.append(f"{where} : log: cannot log to {target.address}: {reason}")
        return list(dict.fromkeys(faults))

    def send(self, address: Address) -> Callable[[bytes], None]:
        """Return what sends a line to `address`."""
        return self._senders[address].send

    @property
    def dropped(self) -> int:
        """How many lines could not be sent since the start."""
        return sum(sender.dropped for sender in self._senders.values())

    def close(self) -> None:
        """Give back the sockets."""
        for sender in self._senders.values():
            sender.close()

    def _tell(self, text: str) -> None:
        self.complain(text)
