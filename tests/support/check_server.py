"""A server that health checks ask: it says what it is told to say, as often as it is asked."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.tcp_server import TIMEOUT_S, listening_socket, port_of, reset


@dataclass(frozen=True)
class Script:
    """What a connection gets: `banner` at once, then a reply to each question; then it is held, closed or reset.

    `slowly` sends each byte by itself; `after_header` waits for the line of a PROXY header first; `secured` speaks TLS.
    """

    replies: tuple[bytes, ...] = ()
    banner: bytes = b""
    end: str = "close"
    slowly: bool = False
    after_header: bool = False
    secured: ssl.SSLContext | None = None


@dataclass
class Conversation:
    """What a connection has said, and how it has ended: with a goodbye or a reset, "" while it is there or was ours."""

    heard: bytearray = field(default_factory=bytearray)
    ending: str = ""


@dataclass
class Questioned:
    """A running server: its port, the first question of each connection, and all that each has said."""

    port: int
    questions: list[bytes] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)


@contextmanager
def check_server(*scripts: Script) -> Iterator[Questioned]:
    """Run a server whose n-th connection follows the n-th script, and all later ones the last."""
    with listening_socket(1024) as listening:
        listening.settimeout(None)
        made = Questioned(port_of(listening))
        thread = threading.Thread(target=_serve, args=(listening, scripts, made), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT_S)


def _serve(listening: socket.socket, scripts: tuple[Script, ...], made: Questioned) -> None:
    left = list(scripts)
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        script = left.pop(0) if len(left) > 1 else left[0]
        made.conversations.append(Conversation())
        arguments = connection, script, made.questions, made.conversations[-1]
        threading.Thread(target=_follow, args=arguments, daemon=True).start()


def _follow(connection: socket.socket, script: Script, questions: list[bytes], said: Conversation) -> None:
    try:
        with _opened(connection, script, said) as opened:
            _talk(opened, script, questions, said)
    except OSError as error:
        said.ending = "silence" if isinstance(error, TimeoutError) else "reset"


def _opened(connection: socket.socket, script: Script, said: Conversation) -> socket.socket:
    """Return the connection when it has come to what the script is about."""
    connection.settimeout(TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while script.after_header and not said.heard.endswith(b"\r\n"):
        said.heard += connection.recv(1)
    return connection if script.secured is None else script.secured.wrap_socket(connection, server_side=True)


def _talk(connection: socket.socket, script: Script, questions: list[bytes], said: Conversation) -> None:
    _say(connection, script, script.banner)
    for number, reply in enumerate(script.replies):
        question = connection.recv(65536)
        said.heard += question
        if number == 0:
            questions.append(question)
        if not question:
            said.ending = "goodbye"
            return
        _say(connection, script, reply)
    if script.end == "reset":
        reset(connection)
    while script.end == "hold":
        data = connection.recv(65536)
        said.heard += data
        if not data:
            said.ending = "goodbye"
            return


def _say(connection: socket.socket, script: Script, data: bytes) -> None:
    for part in (data[at : at + 1] for at in range(len(data))) if script.slowly else (data,):
        connection.sendall(part)
