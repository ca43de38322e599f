"""The stats socket seen from outside: finds it, sends it one command, hands back the answer's text.

Every command travels on a connection of its own, as HAProxy's management manual (section 9.3) describes the
non-interactive mode: one line there, the answer back, end of file.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from admin.errors import MisusedError, NoAnswerError, RefusedError

ENVIRONMENT = "WPROXY_SOCKET"
DEFAULT_PATHS = ("/run/wproxy/admin.sock", "/run/haproxy/admin.sock")
TIMEOUT_S = 5.0
REPLY_LIMIT = 64 * 1024 * 1024  # `show stat` of 100,000 servers; more than that is not a stats socket
_READ_SIZE = 65536


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where a stats socket listens: the path of a unix socket, or host and port when `path` is empty."""

    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"


def parse_address(text: str) -> SocketAddress:
    """Return the address that `text` names, PATH or HOST:PORT; raise MisusedError when it is neither."""
    if "/" in text or ":" not in text:
        return SocketAddress(path=text)
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= 65535):
        raise MisusedError(f"{text!r} is no stats socket: PATH or HOST:PORT with a port from 1 to 65535")
    return SocketAddress(host=host.removeprefix("[").removesuffix("]") or "127.0.0.1", port=int(port))


def find_address(
    option: str | None, environment: Mapping[str, str], defaults: Sequence[str] = DEFAULT_PATHS
) -> SocketAddress:
    """Return the address from the option, the environment or the first default path that exists."""
    named = option or environment.get(ENVIRONMENT)
    if named:
        return parse_address(named)
    for path in defaults:
        try:
            Path(path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            pass  # it may well be there: connecting says so in better words
        return SocketAddress(path=path)
    places = " nor ".join(defaults)
    raise NoAnswerError(f"no stats socket at {places}: name it with --socket PATH|HOST:PORT or ${ENVIRONMENT}")


class StatsSocket:
    """One proxy's stats socket. Holds no connection between two commands."""

    def __init__(self, address: SocketAddress, timeout_s: float = TIMEOUT_S, reply_limit: int = REPLY_LIMIT) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._reply_limit = reply_limit

    def ask(self, command: str) -> str:
        """Return the answer to `command`, one line without its line end; raise NoAnswerError when none comes."""
        deadline = time.monotonic() + self._timeout_s
        try:
            with self._connect() as connection:
                connection.sendall(command.encode() + b"\n")
                reply = self._read(connection, deadline)
        except OSError as error:
            raise NoAnswerError(_explain(error, self.address, self._timeout_s)) from error
        if not reply:
            raise NoAnswerError(f"{self.address} closed the connection without an answer: is it a stats socket?")
        return reply.decode(errors="replace")

    def tell(self, command: str) -> None:
        """Have the proxy do `command`; raise RefusedError with the proxy's words when it answers with any."""
        words = self.ask(command).strip()
        if words:
            raise refusal(words)

    def watch(self, command: str, seconds: float) -> Iterator[str]:
        """Yield the lines that `command` is answered as they come, for so long; raise NoAnswerError when none comes."""
        deadline = time.monotonic() + seconds + self._timeout_s
        rest = b""
        try:
            with self._connect() as connection:
                connection.sendall(command.encode() + b"\n")
                while left := max(deadline - time.monotonic(), 0.0):
                    connection.settimeout(left)
                    chunk = connection.recv(_READ_SIZE)
                    *lines, rest = (rest + chunk).split(b"\n")
                    yield from (line.decode(errors="replace") for line in lines)
                    if not chunk:
                        return
        except OSError as error:
            raise NoAnswerError(_explain(error, self.address, self._timeout_s)) from error

    def _connect(self) -> socket.socket:
        if not self.address.path:
            return socket.create_connection((self.address.host, self.address.port), self._timeout_s)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self._timeout_s)
            connection.connect(self.address.path)
        except OSError:
            connection.close()
            raise
        return connection

    def _read(self, connection: socket.socket, deadline: float) -> bytes:
        reply = bytearray()
        while True:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            connection.settimeout(left_s)
            chunk = connection.recv(_READ_SIZE)
            if not chunk:
                return bytes(reply)
            reply += chunk
            if len(reply) > self._reply_limit:
                raise NoAnswerError(
                    f"{self.address} answers with more than {self._reply_limit} bytes: not a stats socket"
                )


def refusal(answer: str) -> RefusedError:
    """Return the error that carries the first line of the proxy's words: the rest is its help text."""
    lines = answer.strip().splitlines()
    words = lines[0].strip() if lines else "an empty answer"
    hint = ": the stats socket's line in the configuration needs a higher level" if "Permission denied" in words else ""
    return RefusedError(f"the proxy refused: {words}{hint}")


def _explain(error: OSError, address: SocketAddress, timeout_s: float) -> str:
    where = str(address)
    if isinstance(error, TimeoutError):
        return f"no answer from {where} within {timeout_s:g} s: the proxy hangs, or something else listens there"
    if isinstance(error, socket.gaierror):
        return f"no such host: {address.host!r} (--socket takes PATH or HOST:PORT)"
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return f'nothing at {where}: is the proxy running with "stats socket {where} level admin" in its file?'
        case errno.ECONNREFUSED:
            return f"connection refused at {where}: no proxy listens there now; start it or name another with --socket"
        case errno.EACCES | errno.EPERM:
            return f'not permitted to open {where}: use sudo, or set "mode", "user" or "group" on its stats socket line'
        case _:
            return f"no answer from {where}: {error.strerror or error}"
