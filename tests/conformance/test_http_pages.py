"""Error pages of one's own, for every error that the proxy meets: `errorfile` and its kin in proxies and `defaults`."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.beside_http import PROGRAMS, Scene, scene
from tests.support.http_beside import GET, Case, answers, compare, report, run, says, tells
from tests.support.programs import WPROXY, free_port, need
from tests.support.tcp_server import connect, read_all

STATUSES = (200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 421, 422, 425, 429, 500, 501, 502, 503, 504)
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"
BAD = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"


silent = tells(b"")
ERRORS = {
    "408, a head": (says(b"GET / H"), silent, ("timeout http-request 300ms",), ""),
    "408, a body": (says(POST), silent, ("timeout client 300ms",), ""),
    "400, no request": (says(b"junk\r\n\r\n"), silent, (), ""),
    "400, after one": (says(GET + b"junk\r\n\r\n"), answers(), (), ""),
    "400, a body": (says(BAD), silent, (), ""),
    "403": (says(GET * 2), silent, ("http-request deny",), ""),
    "429": (says(GET * 2), silent, ("http-request deny deny_status 429",), ""),
    "401": (says(GET), silent, ("http-request auth",), ""),
    "407": (says(GET.replace(b"/ ", b"http://a/ ")), silent, ("http-request auth",), ""),
    "502, no response": (says(GET * 2), tells(b"junk\r\n\r\n"), (), ""),
    "502, nothing": (says(GET), tells(b"", closes=True), (), ""),
    "502, denied": (says(GET), answers(), ("http-response deny",), ""),
    "503, no server": (says(GET * 2), silent, (), "disabled"),
    "503, refused": (says(GET * 2), silent, ("server dead 127.0.0.1:1", "timeout connect 100ms"), "disabled"),
    "504": (says(GET * 2), silent, ("timeout server 300ms",), ""),
    "404": (says(GET * 2), silent, ("http-request return status 404 default-errorfiles",), ""),
    "200, monitor": (says(GET * 2), silent, ("monitor-uri /",), ""),
    "503, monitor": (says(GET * 2), silent, ("monitor-uri /", "monitor fail if TRUE"), ""),
    "of a HEAD": (says(GET.replace(b"GET", b"HEAD") * 2), silent, ("http-request deny",), ""),
}  # fmt: skip


NO_HTTP = ("408, a head", "400, no request", "400, after one", "400, a body")


def messages(data: bytes) -> list[tuple[bytes, list[bytes], bytes]]:
    """Return the answers in `data`: first line, fields in any order, body."""
    found = []
    for text in re.split(rb"(?=HTTP/1\.[01] )", data)[1:]:
        head, _, body = text.partition(b"\r\n\r\n")
        first, *fields = head.split(b"\r\n")
        found.append((first, sorted(fields), body))
    return found


def check(cases: list[Case]) -> None:
    differing = compare(cases, look=lambda seen: messages(seen.client))
    assert not differing, report(differing)


def cases_of(lines: tuple[str, ...], names: Iterable[str]) -> list[Case]:
    cases = []
    for name in names:
        act, server, own, words = ERRORS[name]
        cases.append(Case(name, act, server, (*lines, *own), words))
    return cases


def pages(folder: Path, kind: str) -> tuple[str, ...]:
    """Return lines of one kind for all statuses."""
    if kind.startswith("errorloc"):
        return tuple(f"{kind} {status} http://e/{status}" for status in STATUSES)
    if kind == "http-error":
        return tuple(f"http-error status {status} content-type text/plain string s hdr x y" for status in STATUSES)
    for status in STATUSES:
        text = (
            f"HTTP/1.1 {status} Mine\r\nContent-Type: text/plain\r\nX-Page: {status}\r\nContent-Length: 4\r\n\r\nmine"
        )
        old = f"HTTP/1.0 {status} Old\r\nX: y\r\n\r\nold page"
        (folder / f"{status}.http").write_text(old if kind == "old" else text, newline="")
    return tuple(f"errorfile {status} {folder}/{status}.http" for status in STATUSES)


@pytest.mark.parametrize("kind", ["errorfile", "old", "errorloc", "errorloc303", "http-error"])
def test_each_error(tmp_path: Path, kind: str) -> None:
    check(cases_of(pages(tmp_path, kind), [name for name in ERRORS if name not in NO_HTTP]))


def test_silence() -> None:
    """An empty file is no answer at all, for clients that do not speak HTTP, too."""
    lines = tuple(f"errorfile {status} /dev/null" for status in (400, 403, 408, 502, 503, 504))
    names = [name for name in ERRORS if name[:3] in {"400", "403", "408", "503", "504"} and "monitor" not in name]
    check(cases_of(lines, [*names, "502, nothing"]))


def test_clients_that_do_not_speak_http(tmp_path: Path) -> None:
    """They get the page, as the manual says; HAProxy has its own for them, unless the file is empty."""
    check(cases_of((), NO_HTTP))
    for name, seen in zip(NO_HTTP, run("wproxy", cases_of(pages(tmp_path, "errorfile"), NO_HTTP)), strict=True):
        assert messages(seen.client)[-1][1:] == (
            [b"connection: close", b"content-length: 4", b"content-type: text/plain", b"x-page: " + name[:3].encode()],
            b"mine",
        )


FILES = {
    "a length": "{version} 503 Mine\r\nX: y\r\nContent-Length: 4\r\nZ: a\r\n\r\npage",
    "no length": "{version} 503 Mine\r\nX: y\r\n\r\npage",
    "no body": "{version} 503 Mine\r\n\r\n",
    "a length of nothing": "{version} 503 Mine\r\nContent-Length: 0\r\n\r\n",
    "it closes": "{version} 503 Mine\r\nConnection: Close\r\nContent-Length: 4\r\n\r\npage",
    "it stays": "{version} 503 Mine\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\npage",
    "it stays without a length": "{version} 503 Mine\r\nConnection: keep-alive\r\n\r\npage",
    "204": "{version} 204 None\r\nX: y\r\n\r\n",
    "304": "{version} 304 Same\r\nContent-Length: 9\r\n\r\n",
}
CLIENTS = (
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
)


def test_a_page_is_sent_as_its_file_has_it(tmp_path: Path) -> None:
    """Byte by byte: version, order of the fields, what delimits the body, and whether the connection ends."""
    lines: list[str] = []
    for version in ("HTTP/1.0", "HTTP/1.1"):
        for text in FILES.values():
            file = tmp_path / str(len(lines))
            file.write_text(text.format(version=version), newline="")
            lines.append(f"http-request return errorfile {file} if {{ req.hdr(file) {len(lines)} }}")

    def said(port: int, requests: bytes) -> bytes:
        with connect(port) as client:
            client.sendall(requests)
            client.shutdown(socket.SHUT_WR)
            return read_all(client)

    def ask(program: str) -> dict[tuple[int, bytes], bytes]:
        with scene(program, tmp_path, lines) as made:
            return {
                (number, asked): said(made.port, asked.replace(b"\r\n", b"\r\nFile: %d\r\n" % number, 1))
                for number in range(len(lines))
                for asked in CLIENTS
            }

    ours, theirs = ask("wproxy"), ask("haproxy")
    assert ours == theirs
    assert all(answer.startswith(b"HTTP/1.0") for (number, _), answer in ours.items() if number < len(FILES))


def test_whose_page_it_is(tmp_path: Path) -> None:
    """Until a backend is chosen the frontend's pages count, then the backend's, and what `defaults` gave to each."""
    for name in "dfbx":
        (tmp_path / name).write_text(f"HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\n{name}", newline="")
    config = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 1s
    errorfile 403 d
    errorfile 503 d
    errorfile 500 d
frontend front
    bind 127.0.0.1:{port}
    errorfile 403 f
    errorfile 502 f
    http-request deny if {{ path /front }}
    http-request deny deny_status 500 if {{ path /500 }}
    http-request deny deny_status 404 if {{ path /404 }}
    use_backend other if {{ path_beg /other }}
    default_backend back
backend back
    errorfile 403 b
    errorfile 500 b
    errorfile 404 b
    http-request deny if {{ path /back }}
    server s 127.0.0.1:1 disabled
backend other
    errorfile 503 x
    http-request deny if {{ path /other/403 }}
    http-request deny deny_status 502 if {{ path /other/502 }}
    server s 127.0.0.1:1 disabled
"""
    paths = ("/front", "/500", "/404", "/back", "/", "/other", "/other/403", "/other/502")

    def ask(program: str) -> list[bytes]:
        port = free_port()
        with PROGRAMS[program](tmp_path, config.format(port=port), port):
            scene = Scene(port)
            return [scene.ask(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % path.encode()) for path in paths]

    ours, theirs = ask("wproxy"), ask("haproxy")
    assert [messages(answer) for answer in ours] == [messages(answer) for answer in theirs]


def test_pages_of_a_section(tmp_path: Path) -> None:
    """`http-errors`, used as a whole, in parts and by rules."""
    pages(tmp_path, "errorfile")
    rest = f"http-errors mine\n errorfile 403 {tmp_path}/403.http\n errorfile 404 {tmp_path}/404.http\n"
    lines = [
        "errorfiles mine 403",
        "http-request deny if { path /403 }",
        "http-request deny deny_status 404 if { path /404 }",
        "http-request return status 404 errorfiles mine if { path /return }",
        "http-request deny deny_status 404 errorfiles mine if { path /deny }",
    ]

    def ask(program: str) -> list[bytes]:
        with scene(program, tmp_path, lines, rest=rest) as made:
            paths = ("403", "404", "return", "deny")
            return [made.ask(f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()) for path in paths]

    ours, theirs = ask("wproxy"), ask("haproxy")
    assert [messages(answer) for answer in ours] == [messages(answer) for answer in theirs]
    assert [answer.endswith(b"mine") for answer in ours] == [True, False, True, True]


BROKEN = {
    "no response": b"hello",
    "half a head": b"HTTP/1.1 403 No\r\nX: y\r\n",
    "no status": b"HTTP/1.1 No\r\n\r\n",
    "no colon": b"HTTP/1.1 403 No\r\nX y\r\n\r\n",
    "bare lines": b"HTTP/1.0 403 No\nX: y\n\nbody",
    "a length too long": b"HTTP/1.0 403 No\r\nContent-Length: 10\r\n\r\nbody",
    "a length too short": b"HTTP/1.0 403 No\r\nContent-Length: 1\r\n\r\nbody",
    "chunks": b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "another status": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an interim one": b"HTTP/1.1 100 OK\r\n\r\n",
    "a large one": b"HTTP/1.1 403 No\r\n\r\n" + b"x" * 20_000,
    "a large head": b"HTTP/1.1 403 No\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
    "a length of nothing": b"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n",
    "a length with a zero": b"HTTP/1.1 403 No\r\nContent-Length: 04\r\n\r\nbody",
    "no length": b"HTTP/1.1 403 No\r\nContent-Length: x\r\n\r\nbody",
    "another encoding": b"HTTP/1.1 403 No\r\nTransfer-Encoding: gzip\r\n\r\nbody",
    "another interim one": b"HTTP/1.1 199 No\r\n\r\n",
    "a status without a body": b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n",
    "a status without a body, with one": b"HTTP/1.1 204 No\r\n\r\nbody",
    "a folded field": b"HTTP/1.1 403 No\r\nX: y\r\n z\r\n\r\n",
    "not in ASCII": b"HTTP/1.1 403 No\r\nX: \xff\xc3\r\n\r\n\xff\0",
    "of another version": b"HTTP/2.0 403 No\r\n\r\n",
    "no reason": b"HTTP/1.1 403\r\n\r\n",
}


@pytest.mark.parametrize("where", ["frontend f", "defaults"])
def test_files_that_are_no_page(tmp_path: Path, where: str) -> None:
    """The same ones are taken and refused, with file and line."""
    took: dict[str, list[bool]] = {}
    for name, data in BROKEN.items():
        (tmp_path / "page").write_bytes(data)
        rest = "" if where.startswith("frontend") else "frontend f\n mode http\n bind :7001\n"
        bind = " bind :7001\n" if not rest else ""
        (tmp_path / "a.cfg").write_text(f"{where}\n mode http\n timeout client 1s\n{bind} errorfile 403 page\n{rest}")
        for command in ([need("haproxy")], WPROXY):
            result = subprocess.run([*command, "-c", "-f", "a.cfg"], cwd=tmp_path, capture_output=True, timeout=30)
            took.setdefault(name, []).append(result.returncode == 0)
            assert result.returncode == 0 or b"a.cfg:" in result.stderr
    assert {name: each for name, each in took.items() if each[0] is not each[1]} == {}
