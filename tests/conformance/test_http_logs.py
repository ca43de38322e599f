"""Log lines about requests: the same on HAProxy and on wproxy, but for times and ports."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.beside_http import Scene, receive, scene
from tests.support.certificates import for_host
from tests.support.log_lines import steady
from tests.support.memory_tls import client_context
from tests.support.programs import free_port
from tests.support.syslog import udp_log_server
from tests.support.tls import tls_connect

REQUEST = (
    b'GET /a%20b?c=\xc3\xa9"d HTTP/1.1\r\nHost: h.example\r\nUser-Agent: {x|y}#"z"\r\nCookie: a=1; sess=abcdef\r\n\r\n'
)
PLAIN = b'GET /a?c=d HTTP/1.1\r\nHost: h.example\r\nUser-Agent: {x|y}#"z"\r\nCookie: a=1; session=abcdef\r\n\r\n'
RESPONSE = b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\nServer: s\r\nSet-Cookie: session=new; path=/\r\n\r\nok"
SIZES = re.compile(r"""((?:T|") -?\d{3} \+?|T )\d+ (?=\S+ )""")  # HAProxy counts them as it holds them


def alike(line: str) -> str:
    return SIZES.sub(r"\1BYTES ", steady(line).partition(": ")[2])


def logged(program: str, folder: Path, lines: Sequence[str], requests: Sequence[bytes], count: int) -> list[str]:
    """Return the lines about `requests`, which are sent one after the other."""
    with udp_log_server() as log:
        log_lines = (f"log {log.target} local0", "log-tag t", "option dontlognull", *lines)
        with scene(program, folder, log_lines) as made:
            made.answer = RESPONSE
            for request in requests:
                made.ask(request)
            return [alike(line) for line in log.wait_for("", count)]


def same(folder: Path, lines: Sequence[str], requests: Sequence[bytes], count: int | None = None) -> list[str]:
    number = len(requests) if count is None else count
    ours = logged("wproxy", folder, lines, requests, number)
    assert ours == logged("haproxy", folder, lines, requests, number)
    return ours


CAPTURES = (
    "capture request header User-Agent len 20",
    "capture request header None len 5",
    "capture response header Server len 9",
    "capture cookie sess len 9",
)
CASES = {
    "httplog": (("option httplog",), [PLAIN]),
    "as soon as possible": (("option httplog", "option logasap"), [PLAIN]),
    "captures": (("option httplog", *CAPTURES), [PLAIN]),
    "clf": (("option httplog clf", *CAPTURES[:3]), [PLAIN]),
    "denied": (("option httplog", "http-request deny if { path /a }"), [PLAIN]),
    "redirected": (("option httplog", "http-request redirect location /x"), [PLAIN]),
    "returned": (("option httplog", "http-request return status 299"), [PLAIN]),
    "changed": (("option httplog", "http-request set-path /changed", "http-request set-method POST"), [PLAIN]),
    "denied response": (("option httplog", "http-response deny"), [PLAIN]),
    "exact cookie": (("option httplog", "capture cookie sess= len 9"), [PLAIN]),
    "captured by a rule": (("option httplog", "http-request capture path len 3", *CAPTURES[:1]), [PLAIN]),
    "tcplog": (("option tcplog",), [PLAIN]),
    "separate errors": (("option httplog", "option log-separate-errors", "http-request deny"), [PLAIN]),
    "only errors": (
        ("option httplog", "option dontlog-normal", "http-request deny if { path /b }"),
        [PLAIN, PLAIN.replace(b"/a", b"/b")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_lines(tmp_path: Path, name: str) -> None:
    lines, requests = CASES[name]
    count = 1 if name == "only errors" else None
    assert same(tmp_path, lines, requests, count)


FORMATS = {
    "words": "%ci %f %b/%s %ST %tsc %{+Q}r %HM %HU %HP %HPO %HQ %HV %% a  b",
    "quotes": '%{+Q}o %HM %{-Q}HM %[path] %{+Q}[capture.req.hdr(0)] %{-Q}[method] %hr %hrl "x"',
    "missing": '[%[capture.req.hdr(1)]] %{+Q}[capture.req.hdr(1)] %CC %{+Q}CC %hs %hsl %{+E}[str(a\\]\\"b)]',
    "hexadecimal": "%{+X}fp %{+X}ST %si",
    "expressions": "%[capture.req.method] %[capture.req.uri] %[status] %[capture.req.hdr(0),json(utf8s)] %[var(txn.x)]",
    "counts": "%ac/%fc/%bc/%sc/%rc %sq/%bq %Th %pid",
}


@pytest.mark.parametrize("name", FORMATS)
def test_own_formats(tmp_path: Path, name: str) -> None:
    text = FORMATS[name].replace("%[path] ", "").replace("%{+X}fp", "").replace("%pid", "")
    lines = (
        *CAPTURES[:3],
        "http-request set-var(txn.x) path",
        'log-format "' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
    )
    assert same(tmp_path, lines, [PLAIN])


def test_httpslog(tmp_path: Path) -> None:
    """Clients without TLS, with two versions of it, with a name and without."""
    certificate = for_host("a.example").write(tmp_path / "a.pem")
    old = client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    def lines_of(program: str) -> list[str]:
        port = free_port()
        folder = tmp_path / program
        folder.mkdir()
        with udp_log_server() as log:
            own = (f"log {log.target} local0", "log-tag t", "option httpslog", "option dontlognull")
            with scene(
                program,
                folder,
                (*own, "http-request return status 299", f"bind 127.0.0.1:{port} ssl crt {certificate}"),
            ) as made:
                made.ask(PLAIN)
                log.wait_for("", 1)  # another of HAProxy's threads may tell of the next one sooner
                callers = (("a.example", client_context()), ("a.example", old), (None, old))
                for count, (name, context) in enumerate(callers, 2):
                    with tls_connect(port, name, context) as client:
                        client.sendall(PLAIN)
                        receive(client)
                    log.wait_for("", count)
                return [alike(line) for line in log.lines]

    ours = lines_of("wproxy")
    assert ours == lines_of("haproxy")
    assert [line.rpartition('" ')[2].split("/")[-2] for line in ours] == ["-", "TLSv1.3", "TLSv1.2", "TLSv1.2"]


def test_log_levels(tmp_path: Path) -> None:
    lines = ("option httplog", "http-request set-log-level silent if { path /a }", "http-request set-log-level alert")
    lines = (lines[0], lines[2], lines[1])
    assert same(tmp_path, lines, [PLAIN, PLAIN.replace(b"/a", b"/b")], 1)


def test_no_request(tmp_path: Path) -> None:
    assert same(tmp_path, ("option httplog",), [b"nonsense\r\n\r\n"])


def test_the_scene_answers(tmp_path: Path) -> None:
    with scene("wproxy", tmp_path, ()) as made:
        assert isinstance(made, Scene)
        assert made.ask().endswith(b"ok")
