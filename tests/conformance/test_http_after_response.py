"""`http-after-response`: what rules do to all responses at the very end, those of the proxy itself included."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.beside_http import lines_of, scene
from tests.support.programs import WPROXY, need

FRONT = [
    "option httplog",
    "http-request deny if { path /deny }",
    "http-request return status 200 content-type text/plain string x hdr a b if { path /return }",
    "http-request redirect location /x if { path /redirect }",
    "http-request auth if { path /auth }",
    "http-response deny if { path /late }",
    "http-response set-header order first",
    'http-after-response set-header Strict-Transport-Security "max-age=1; includeSubDomains"',
    "http-after-response add-header seen %[status]",
    "http-after-response set-header order %[res.hdr(order)]-last",
    "http-after-response del-header server",
    "http-after-response replace-header x-a (.*) <\\1>",
    "http-after-response set-status 202 if { status 200 } { path /status }",
    "http-after-response set-var(txn.s) status",
    "http-after-response set-header var %[var(txn.s)]",
    "http-after-response allow if { path /allow }",
    "http-after-response set-header not yes",
]
BACK = [
    "http-request deny deny_status 404 if { path /back }",
    "cookie S insert",
    "http-after-response set-header back %[res.hdr(set-cookie),length]",
]
PATHS = ("/", "/deny", "/return", "/redirect", "/auth", "/late", "/status", "/allow", "/back", "/down")


def answers(program: str, folder: Path) -> list[list[bytes]]:
    with scene(program, folder, FRONT, back_lines=BACK) as made:
        made.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: me\r\nX-A: b\r\n\r\nok"
        found = []
        for path in PATHS:
            if path == "/down":
                made.answer = b"junk\r\n\r\n"
            for method in ("GET", "HEAD"):
                text = made.ask(f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                head, _, body = text.partition(b"\r\n\r\n")
                found.append([*lines_of(head), body])
        return found


def test_all_responses(tmp_path: Path) -> None:
    ours = answers("wproxy", tmp_path)
    assert ours == answers("haproxy", tmp_path)
    assert all(any(line.startswith(b"strict-transport-security:") for line in lines) for lines in ours)


@pytest.mark.parametrize("line", ["deny", "return", "redirect location /", "set-path /", "nothing", "set-header x"])
def test_what_cannot_be_done_any_more(tmp_path: Path, line: str) -> None:
    (tmp_path / "a.cfg").write_text(f"frontend f\n mode http\n bind :7001\n http-after-response {line}\n")
    for command in ([need("haproxy"), "-c", "-f", "a.cfg"], [*WPROXY, "-c", "-f", "a.cfg"]):
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert result.returncode == 1
        assert "a.cfg:4" in result.stderr
