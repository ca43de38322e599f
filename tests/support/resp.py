"""A Redis client that shows the bytes: sends any split of a pipeline, reads replies in order."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import hiredis

from tests.support.waiting import wait_for

TIMEOUT_S = 20.0


def pack(*words: str | bytes | int) -> bytes:
    """Return one command as an array of bulk strings."""
    arguments = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(arguments) + b"".join(b"$%d\r\n%b\r\n" % (len(each), each) for each in arguments)


class Client:
    """One connection; `with` closes it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._reader = hiredis.Reader(notEnoughData=Ellipsis)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, *commands: bytes) -> None:
        self.socket.sendall(b"".join(commands))

    def hang_up(self) -> None:
        """Send no more, go on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def reply(self) -> Any:
        """Return the next reply; an error is a `hiredis.ReplyError`, the end of the connection an EOFError."""
        while (reply := self._reader.gets()) is Ellipsis:
            data = self.socket.recv(1 << 20)
            if not data:
                raise EOFError("the proxy has closed the connection")
            self._reader.feed(data)
        return reply

    def replies(self, count: int) -> list[Any]:
        return [self.reply() for _ in range(count)]

    def ask(self, *words: str | bytes | int) -> Any:
        """Send one command, return its reply."""
        self.send(pack(*words))
        return self.reply()

    def pipeline(self, commands: Iterable[bytes]) -> list[Any]:
        """Send all of `commands` at once, return their replies."""
        sent = list(commands)
        self.send(*sent)
        return self.replies(len(sent))

    def insist(self, commands: Iterable[bytes]) -> list[Any]:
        """As `pipeline`, of commands that may be sent twice: again when one was refused by a proxy.

        Where a machine has much else to do, its connections to the servers take longer than `timeout connect`.
        """
        sent = list(commands)

        def replies() -> list[Any]:
            found = self.pipeline(sent)
            return [] if any("SERVERDOWN" in str(reply) for reply in found) else found

        return wait_for(replies, TIMEOUT_S, "every command is executed", pause_s=0.2)

    def raw(self, data: bytes, size: int) -> bytes:
        """Send bytes as they are, return the next `size` bytes of the answer as they are."""
        self.socket.sendall(data)
        answer = bytearray()
        while len(answer) < size and (chunk := self.socket.recv(size - len(answer))):
            answer += chunk
        return bytes(answer)

    def rest(self) -> bytes:
        """Return all bytes up to the end of the connection."""
        data = bytearray()
        while chunk := self.socket.recv(1 << 20):
            data += chunk
        return bytes(data)


def ask(port: int, *words: str | bytes | int) -> Any:
    """Return the reply to one command on a connection of its own."""
    with Client(port) as client:
        return client.ask(*words)
