from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.wproxy.config.http.exchange import REQUEST, after, after_response, problem
from wproxy.config.http.model import Answer, Service, Verdict

TEXT = ((b"content-type", b"text/plain"),)


def answer(line: str, request: bytes = REQUEST) -> object:
    return after(f"http-request {line}", request=request)[1]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("allow", Verdict.ALLOW),
        ("use-service prometheus-exporter", Service.PROMETHEUS),
        ("deny", Answer(403, page=True, cause="PR")),
        ("deny deny_status 429", Answer(429, page=True, cause="PR")),
        ("deny status 404", Answer(404, b"Not Found", cause="PR")),
        ("deny content-type text/plain string no", Answer(403, b"Forbidden", TEXT, b"no", cause="PR")),
        ("return", Answer(200, b"OK")),
        ("return status 299", Answer(299, b"Success")),
        ("return content-type text/plain string é", Answer(200, b"OK", TEXT, "é".encode())),
        ("return content-type text/plain lf-string %%", Answer(200, b"OK", TEXT, b"%")),
        ("return content-type text/plain lf-string %[path]", Answer(200, b"OK", TEXT, b"/a/b")),
        ("return content-type text/plain lf-string %[hdr(none)]", Answer(200, b"OK")),
        ("return hdr A %[path] hdr B %[hdr(none)]", Answer(200, b"OK", ((b"a", b"/a/b"),))),
        ("return status 500 default-errorfiles", Answer(500, page=True)),
        (
            "auth",
            Answer(401, fields=((b"www-authenticate", b'Basic realm="f"'),), cause="LR", page=True),
        ),
    ],
)
def test_answers(line: str, expected: object) -> None:
    assert answer(line) == expected


def test_a_login_at_a_proxy() -> None:
    found = answer('auth realm "A B"', b"GET http://h/ HTTP/1.0\r\nProxy-Connection: x\r\n\r\n")
    assert found == Answer(407, fields=((b"proxy-authenticate", b'Basic realm="A B"'),), cause="LR", page=True)


def test_responses() -> None:
    assert after_response("http-response deny")[1] == Answer(502, page=True, cause="PR")
    found = after_response("http-response return content-type text/plain lf-string %[status]")[1]
    assert found == Answer(200, b"OK", TEXT, b"404")


def test_files(tmp_path: Path) -> None:
    plain, empty, whole, odd, large = (tmp_path / name for name in ("plain", "empty", "whole", "odd", "large"))
    plain.write_bytes(b"raw \xff %[path]")
    empty.write_bytes(b"")
    whole.write_bytes(b"HTTP/1.0 503 No\r\nConnection: close\r\nX: y\r\n\r\nbody")
    odd.write_bytes(b"HTTP/1.0 503\r\nnothing\r\n\r\n")
    large.write_bytes(b"x" * 17000)
    assert answer(f"return content-type text/plain file {plain}") == Answer(200, b"OK", TEXT, b"raw \xff %[path]")
    assert answer(f"return content-type text/plain lf-file {plain}") == Answer(200, b"OK", TEXT, b"raw \xff /a/b")
    assert answer(f"return content-type text/plain file {empty}") == Answer(200, b"OK")
    assert answer(f"deny errorfile {whole}") == Answer(
        503, b"No", ((b"x", b"y"),), b"body", closes=True, cause="PR", minor=0, delimited=True
    )
    assert answer(f"deny errorfile {empty}") == Answer(0, silent=True, closes=True, cause="PR")
    whole.write_bytes(b"HTTP/1.1 503\nContent-Length: 4\n\nbody")
    assert answer(f"return errorfile {whole}") == Answer(
        503, b"Service Unavailable", ((b"content-length", b"4"),), b"body", delimited=True
    )
    whole.write_bytes(b"HTTP/1.1 503 No\nConnection: x, Close\nContent-Length: 0\n\n")
    assert answer(f"return errorfile {whole}") == Answer(
        503, b"No", ((b"content-length", b"0"),), closes=True, delimited=True
    )
    whole.write_bytes(b"HTTP/1.1 204 No\n\n")
    assert answer(f"return errorfile {whole}") == Answer(204, b"No", delimited=True)
    assert "needs a whole HTTP response" in problem(f"http-request deny errorfile {plain}")
    assert "has a line that is no header field" in problem(f"http-request deny errorfile {odd}")
    assert "has a file of more than 16384 bytes" in problem(f"http-request return content-type a/b file {large}")
    large.write_bytes(b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * 17000)
    assert "has a file of more than 16384 bytes" in problem(f"http-request return errorfile {large}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return string x", "has a body without a type: add 'content-type', such as text/plain"),
        ("return status 600", "cannot be more than 599, not 600"),
        ("deny deny_status 418", "has no error page for the status 418"),
        ("return status 299 default-errorfiles", "has no error page for the status 299"),
        ("return content-type a/b file nowhere", "cannot read 'nowhere': No such file or directory"),
        ("return errorfiles x", "names no section http-errors: 'x'"),
        ("return colour x", "knows no argument 'colour'"),
        ("use-service stats", "knows the service 'prometheus-exporter', not 'stats'"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(f"http-request {line}") == f"'http-request {line.partition(' ')[0]}' {message}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("tarpit", Answer(500, page=True, cause="PT", late=True)),
        ("tarpit deny_status 429", Answer(429, page=True, cause="PT", late=True)),
        ("tarpit status 404", Answer(404, b"Not Found", cause="PT", late=True)),
        (
            "tarpit content-type text/plain lf-string %[path]",
            Answer(500, b"Internal Server Error", TEXT, b"/a/b", cause="PT", late=True),
        ),
    ],
)
def test_answers_that_are_late(line: str, expected: object) -> None:
    assert answer(line) == expected


def test_no_page_for_a_late_answer() -> None:
    assert problem("http-request tarpit deny_status 418") == (
        "'http-request tarpit' has no error page for the status 418"
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"HTTP/1.1 503 No\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", "has a body in chunks in '{}': write it as"),
        (b"HTTP/1.1 100 Go\r\n\r\n", "has a status that no page can have in '{}': 100"),
        (b"HTTP/1.1 204 No\r\n\r\nbody", "has a status that no page can have in '{}': 204 with a body"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nbody", "has a body of 4 bytes and not of 5, as '{}' says"),
        (b"HTTP/1.1 503 No\r\nContent-Length: +4\r\n\r\nbody", "has a body of 4 bytes and not of +4, as '{}' says"),
    ],
)
def test_files_that_are_no_page(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "page"
    path.write_bytes(data)
    expected = f"'http-request return' {message.format(path)}"
    assert problem(f"http-request return errorfile {path}").startswith(expected)
