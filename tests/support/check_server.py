"""A server that health checks ask: it says what it is told to say, as often as it is asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.tcp_server import TIMEOUT_S, listening_socket, port_of, reset


@dataclass(frozen=True)
class Script:
    """What a connection gets: `banner` at once, then a reply to each question; then it is held, closed or reset."""

    replies: tuple[bytes, ...] = ()
    banner: bytes = b""
    end: str = "close"


@dataclass
class Questioned:
    """A running server: its port, and the first question of each connection."""

    port: int
    questions: list[bytes] = field(default_factory=list)


@contextmanager
def check_server(*scripts: Script) -> Iterator[Questioned]:
    """Run a server whose n-th connection follows the n-th script, and all later ones the last."""
    with listening_socket(1024) as listening:
        listening.settimeout(None)
        made = Questioned(port_of(listening))
        thread = threading.Thread(target=_serve, args=(listening, scripts, made.questions), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT_S)


def _serve(listening: socket.socket, scripts: tuple[Script, ...], questions: list[bytes]) -> None:
    left = list(scripts)
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        script = left.pop(0) if len(left) > 1 else left[0]
        threading.Thread(target=_follow, args=(connection, script, questions), daemon=True).start()


def _follow(connection: socket.socket, script: Script, questions: list[bytes]) -> None:
    with connection, suppress(OSError):
        connection.settimeout(TIMEOUT_S)
        connection.sendall(script.banner)
        for number, reply in enumerate(script.replies):
            question = connection.recv(65536)
            if number == 0:
                questions.append(question)
            connection.sendall(reply)
        if script.end == "reset":
            reset(connection)
        while script.end == "hold" and connection.recv(65536):
            pass
