"""`unique-id-format` and `unique-id-header`: the same text for servers, rules, responses and the log."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from tests.support.beside_http import receive
from tests.support.http_server import recording_server
from tests.support.proxies import proxy
from tests.support.syslog import udp_log_server

FORMATS = {
    "the manual's": r"%{+X}o\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid",
    "decimal": '"%ci-%rt"',
    "of a fetch": r'"%[req.hdr(host),upper]-%rt-%[path]"',
    "of nothing": "%[req.hdr(none)]",
}
FIELDS = "Host: a\r\nX-Id: forged\r\nConnection: close\r\n\r\n"


def seen(program: str, folder: Path, form: str) -> list[str]:
    """Return the text in the request, the response and the log, of two requests; ports, times and ids made alike."""
    lines = [
        f"unique-id-format {form}",
        "unique-id-header X-Id",
        "option forwardfor",
        "http-response set-header id <%[unique-id]>",
    ]
    with recording_server() as server, udp_log_server() as log:
        more = (f"log {log.target} local0", 'log-format "log<%ID>%rt"', f"server s 127.0.0.1:{server.port}")
        with proxy(program, folder, *lines, *more, mode="http") as made:
            answers = []
            for path in ("/a", "/b"):
                with socket.create_connection(("127.0.0.1", made.port), 10.0) as client:
                    pid = made.process.pid
                    client.sendall(f"GET {path} HTTP/1.1\r\n{FIELDS}".encode())
                    answers.append(receive(client).decode())
            texts = [*(each.decode() for each in server.heard()), *answers]
            texts += [re.sub(r".*log<", "log<", line) for line in log.wait_for("log<", 2)]
            known = {str(made.port): "PORT", f"{made.port:04X}": "PORT", f"{pid:04X}": "PID", str(pid): "PID"}
            texts = [re.sub(r"(_|:)(?!7F000001)[0-9A-F]{8}_", r"\1TIME_", each) for each in texts]
            for text, name in known.items():
                texts = [re.sub(rf"(?<![0-9A-F]){text}(?![0-9A-F])", name, each) for each in texts]
            texts = [re.sub(r"7F000001:[0-9A-F]{4}_", "7F000001:FROM_", each) for each in texts]
            texts = [re.sub(r"(?<=TIME_)[0-9A-F]{4}|(?<=-)\d+|(?<=>)\d+$", "N", each) for each in texts]
            return [" ".join(sorted(each.split("\r\n"))) for each in texts]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_text(tmp_path: Path, name: str) -> None:
    ours = seen("wproxy", tmp_path, FORMATS[name])
    assert sorted(ours) == sorted(seen("haproxy", tmp_path, FORMATS[name]))


def test_every_request_has_another_one(tmp_path: Path) -> None:
    with recording_server() as server:
        lines = ("unique-id-format %rt", "unique-id-header X-Id", f"server s 127.0.0.1:{server.port}")
        with proxy("wproxy", tmp_path, *lines, mode="http") as made:
            with socket.create_connection(("127.0.0.1", made.port), 10.0) as client:
                for _ in range(3):
                    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                    assert receive(client).endswith(b"ok")
            [heard] = server.heard()
            assert re.findall(rb"x-id: (\d+)", heard) == [b"0", b"1", b"2"]
