from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import REQUEST, RESPONSE, after, after_response, problem
from wproxy.config.http.fields import to_bytes
from wproxy.config.loader import parse


@pytest.mark.parametrize(
    ("line", "name", "values"),
    [
        ("set-header Foo v", b"foo", [b"v"]),
        ("set-header new %[path]", b"new", [b"/a/b"]),
        ("add-header foo v%%", b"foo", [b'a, "b,c" ,d', b"e", b"v%"]),
        ("del-header FOO", b"foo", []),
        ("del-header fo -m beg", b"foo", []),
        ("del-header ^f -m reg", b"foo", []),
        ("del-header x -m sub", b"foo", [b'a, "b,c" ,d', b"e"]),
        ("replace-header foo ^(e)$ <\\\\1>", b"foo", [b'a, "b,c" ,d', b"<e>"]),
        ("replace-header foo ^(e)$ %[method]\\\\1", b"foo", [b'a, "b,c" ,d', b"GETe"]),
        ("replace-value foo ^[ad]$ z", b"foo", [b'z, "b,c" ,z', b"e"]),
        ("replace-value none a b", b"foo", [b'a, "b,c" ,d', b"e"]),
        ("set-header content-length 9", b"content-length", []),
        ("add-header content-length 9", b"content-length", []),
        ("replace-header content-length .* 9", b"content-length", []),
    ],
)
def test_requests(line: str, name: bytes, values: list[bytes]) -> None:
    assert after(f"http-request {line}")[0].request.values(name) == values


def test_the_frame_of_a_body_stays() -> None:
    request = REQUEST.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n")
    lines = ["del-header content-length", "del-header content -m beg", "replace-value content-length 3 4"]
    for line in lines:
        assert after(f"http-request {line}", request=request)[0].request.values(b"content-length") == [b"3"]
    text = "frontend f\n mode http\n bind :1\n timeout client 1s\n http-request set-header Content-Length 1\n"
    assert parse(text, "a.cfg", {}).warnings == (
        "[a.cfg:5] : 'http-request' has no effect on 'content-length', which the proxy itself keeps in order",
    )


def test_responses() -> None:
    facts, _ = after_response("http-response set-header X %[status]", "http-response del-header set-cookie")
    assert facts.response is not None
    assert (facts.response.values(b"x"), facts.response.values(b"set-cookie")) == ([b"404"], [])
    assert RESPONSE.startswith(b"HTTP/1.1 404")


def test_no_line_ends_early() -> None:
    assert [to_bytes(text) for text in ("a", "\xc3\xa9", "a\r\nb\0c")] == [b"a", b"\xc3\xa9", b"abc"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("set-header", "'http-request set-header' expects a header field's name"),
        ("set-header a:b c", "'http-request set-header' expects the name of a header field, not 'a:b'"),
        ("set-header a", "'http-request set-header' expects a header field's value"),
        (
            "del-header a -m dir",
            "'http-request del-header' matches by str, beg, end, sub, reg, not by 'dir'",
        ),
        ("del-header a -m", "'http-request del-header' expects a matching method after '-m'"),
        ("replace-value a b", "'http-request replace-value' expects what to replace it with"),
    ],
)
def test_problems(line: str, message: str) -> None:
    assert problem(f"http-request {line}") == message
