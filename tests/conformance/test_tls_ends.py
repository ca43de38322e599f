"""How connections with TLS end: goodbyes of one side or both, resets, and what the log says, beside HAProxy."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from tests.support.certificates import for_host
from tests.support.logging_proxy import Scene, facts, scene
from tests.support.memory_tls import client_context
from tests.support.programs import free_port
from tests.support.tcp_server import accept, connect, read_all, reset
from tests.support.tls import Spoken

BULK = bytes(range(256)) * 40_000  # 10 MB


@dataclass
class Stage:
    """A proxy that has TLS on one of its sides."""

    scene: Scene
    port: int  # where clients speak TLS
    context: ssl.SSLContext  # of a server with TLS

    def outside(self) -> tuple[Spoken, socket.socket]:
        """Return a client with TLS and its plain server, between which a question and an answer have passed."""
        client = Spoken(connect(self.port), client_context()).shake_hands()
        served = accept(self.scene.listening)
        client.send(b"question")
        assert served.recv(8) == b"question"
        served.sendall(b"answer")
        assert client.receive() == b"answer"
        return client, served

    def inside(self) -> tuple[socket.socket, Spoken]:
        """Return a plain client and its server with TLS, the same."""
        client = connect(self.scene.proxy.port)
        served = Spoken(accept(self.scene.listening), self.context, server_side=True).shake_hands()
        client.sendall(b"question")
        assert served.receive() == b"question"
        served.send(b"answer")
        assert client.recv(6) == b"answer"
        return client, served


def one_by_one(acts: Sequence[Callable[[], object]]) -> None:
    """Do one after the other, in a thread."""
    for act in acts:
        act()


def client_says_goodbye(stage: Stage) -> object:
    client, served = stage.outside()
    client.say_goodbye()
    assert read_all(served) == b""
    served.sendall(b"more")
    served.close()
    assert client.receive_all() == b"more"
    client.close()
    return None


def client_hangs_up_without_a_goodbye(stage: Stage) -> object:
    client, served = stage.outside()
    client.socket.shutdown(socket.SHUT_WR)
    assert read_all(served) == b""
    served.sendall(b"more")
    served.close()
    assert client.receive_all() == b"more"
    client.close()
    return None


def client_is_gone(stage: Stage) -> object:
    client, served = stage.outside()
    client.close()
    assert read_all(served) == b""
    served.close()
    return None


def server_hangs_up(stage: Stage) -> object:
    client, served = stage.outside()
    served.close()
    assert client.receive_all() == b""
    client.close()
    return None


def server_half_closes(stage: Stage) -> object:
    client, served = stage.outside()
    served.shutdown(socket.SHUT_WR)
    assert client.receive_all() == b""
    client.send(b"more")
    client.close()
    assert read_all(served) == b"more"
    served.close()
    return None


def client_resets(stage: Stage) -> object:
    client, served = stage.outside()
    reset(client.socket)
    stage.scene.logged()
    served.close()
    return None


def server_resets(stage: Stage) -> object:
    client, served = stage.outside()
    reset(served)
    stage.scene.logged()
    client.close()
    return None


def client_talks_nonsense(stage: Stage) -> object:
    """A record that is none of TLS ends the connection with an alert."""
    client, served = stage.outside()
    client.socket.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    try:
        client.receive_all()
        said = "goodbye"
    except ssl.SSLError as error:
        said = error.reason
    stage.scene.logged()
    served.close()
    client.close()
    return said


def bulk_to_the_client(stage: Stage) -> object:
    client, served = stage.outside()
    sending = Thread(target=one_by_one, args=[[lambda: served.sendall(BULK), served.close]])
    sending.start()
    assert client.receive_all() == BULK
    sending.join()
    client.close()
    return None


def bulk_to_the_server(stage: Stage) -> object:
    client, served = stage.outside()
    sending = Thread(target=one_by_one, args=[[lambda: client.send(BULK), client.say_goodbye]])
    sending.start()
    assert read_all(served) == BULK
    sending.join()
    served.close()
    assert client.receive_all() == b""
    client.close()
    return None


def server_with_tls_says_goodbye(stage: Stage) -> object:
    client, served = stage.inside()
    served.say_goodbye()
    assert read_all(client) == b""
    client.sendall(b"more")
    client.close()
    assert served.receive_all() == b"more"
    served.close()
    return None


def server_with_tls_is_gone(stage: Stage) -> object:
    client, served = stage.inside()
    served.close()
    assert read_all(client) == b""
    client.close()
    return None


def client_of_it_half_closes(stage: Stage) -> object:
    client, served = stage.inside()
    client.shutdown(socket.SHUT_WR)
    assert served.receive_all() == b""
    served.send(b"more")
    served.say_goodbye()
    served.close()
    assert read_all(client) == b"more"
    client.close()
    return None


def server_with_tls_resets(stage: Stage) -> object:
    client, served = stage.inside()
    reset(served.socket)
    stage.scene.logged()
    client.close()
    return None


def server_with_tls_talks_nonsense(stage: Stage) -> object:
    client, served = stage.inside()
    served.socket.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    stage.scene.logged()
    client.close()
    served.close()
    return None


def bulk_from_a_server_with_tls(stage: Stage) -> object:
    client, served = stage.inside()
    sending = Thread(target=one_by_one, args=[[lambda: served.send(BULK), served.say_goodbye, served.close]])
    sending.start()
    assert read_all(client) == BULK
    sending.join()
    client.close()
    return None


def bulk_to_a_server_with_tls(stage: Stage) -> object:
    client, served = stage.inside()
    sending = Thread(target=one_by_one, args=[[lambda: client.sendall(BULK), lambda: client.shutdown(socket.SHUT_WR)]])
    sending.start()
    assert served.receive_all() == BULK
    sending.join()
    served.say_goodbye()
    served.close()
    assert read_all(client) == b""
    client.close()
    return None


OUTSIDE = [
    client_says_goodbye, client_hangs_up_without_a_goodbye, client_is_gone, server_hangs_up, server_half_closes,
    client_resets, server_resets, client_talks_nonsense, bulk_to_the_client, bulk_to_the_server,
]  # fmt: skip
INSIDE = [
    server_with_tls_says_goodbye, server_with_tls_is_gone, client_of_it_half_closes, server_with_tls_resets,
    server_with_tls_talks_nonsense, bulk_from_a_server_with_tls, bulk_to_a_server_with_tls,
]  # fmt: skip


@pytest.mark.parametrize("version", ["tls12", "tls13"])
@pytest.mark.parametrize("act", [*OUTSIDE, *INSIDE])
def test_ends(act: Callable[[Stage], object], version: str, tmp_path: Path) -> None:
    def said_by(program: str) -> list[object]:
        folder = tmp_path / program
        folder.mkdir()
        certificate = for_host("a.example").write(folder / "a.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        port = free_port()
        server = f"ssl verify none force-{version.replace('tls', 'tlsv')}" if act in INSIDE else ""
        lines = [
            f"bind 127.0.0.1:{port} ssl crt {certificate} force-{version.replace('tls', 'tlsv')}",
            "log {log} local0",
            "option tcplog",
            "server s {up} " + server,
        ]
        with scene(program, folder, *lines) as made:
            seen = act(Stage(made, port, context))
            [line] = made.logged()
            return [seen, facts(line)]

    assert said_by("wproxy") == said_by("haproxy")
