"""The columns of `show stat` about TLS, and the names of all columns, beside HAProxy."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from tests.support.certificates import for_host
from tests.support.proxies import Proxy, proxy
from tests.support.waiting import wait_for

NAMES = ("ssl_sess", "ssl_reused_sess", "ssl_failed_handshake")


def counted(program: str, folder: Path, certificate: Path) -> tuple[list[str], dict[str, tuple[int, ...]]]:
    """Return the names of all columns, and those of TLS of each line, after three clients and one that speaks none."""
    lines = (
        f"bind unix@b ssl crt {certificate}",
        "http-request return status 200 if { path / }",
        "server s unix@i ssl verify none",
    )
    rest = f"frontend inner\n bind unix@i ssl crt {certificate}\n http-request return status 200\n"
    with proxy(program, folder, *lines, mode="http", rest=rest) as made:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # whose session is known after the handshake
        session: ssl.SSLSession | None = None
        for path in (b"/", b"/s", b"/s"):
            with socket.socket(socket.AF_UNIX) as plain:
                plain.connect(str(folder / "b"))
                with context.wrap_socket(plain, session=session) as client:
                    client.sendall(b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % path)
                    assert client.recv(4096).startswith(b"HTTP/1.1 200")
                    session = client.session
        with socket.socket(socket.AF_UNIX) as plain:
            plain.connect(str(folder / "b"))
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while plain.recv(4096):
                pass
        wait_for(lambda: _tls(made)["main", "FRONTEND"][2] == 1, what="the failure is counted")
        text = made.stats.ask("show stat")
        return text.splitlines()[0].split(","), {" ".join(line): values for line, values in _tls(made).items()}


def _tls(made: Proxy) -> dict[tuple[str, str], tuple[int, ...]]:
    head, *lines = made.stats.ask("show stat").strip().splitlines()
    at = [head.split(",").index(name) for name in NAMES]
    cells = [line.split(",") for line in lines]
    return {(each[0], each[1]): tuple(int(each[number]) for number in at) for each in cells}


def test_what_is_counted(tmp_path: Path) -> None:
    certificate = for_host("a").write(tmp_path / "a.pem")
    names, ours = counted("wproxy", tmp_path, certificate)
    their_names, theirs = counted("haproxy", tmp_path, certificate)
    assert names == their_names
    assert ours == theirs
    assert ours["main FRONTEND"] == (1, 2, 1)
