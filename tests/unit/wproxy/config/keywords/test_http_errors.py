"""Sections `http-errors`, and who uses them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wproxy.config.http.model import Answer
from wproxy.config.loader import parse
from wproxy.errors import ConfigError

PROXY = "frontend f\n mode http\n bind :1\n timeout client 1s\n"


def section(folder: Path) -> str:
    lines = []
    for status in (403, 404):
        (folder / str(status)).write_text(f"HTTP/1.1 {status} Mine\r\nContent-Length: 1\r\n\r\nx", newline="")
        lines.append(f" errorfile {status} {folder}/{status}\n")
    return "http-errors mine\n" + "".join(lines)


def pages(text: str) -> dict[int, Answer]:
    http = parse(text, "a.cfg", {}).frontends[0].http
    assert http is not None
    return {status: page for status, page in http.pages.items() if isinstance(page, Answer)}


def test_pages_of_a_section_whichever_comes_first(tmp_path: Path) -> None:
    mine = section(tmp_path)
    assert sorted(pages(f"{mine}{PROXY} errorfiles mine\n")) == [403, 404]
    assert sorted(pages(f"{PROXY} errorfiles mine 404\n{mine}")) == [404]
    assert pages(f"{mine}{PROXY} errorfiles mine\n errorfile 404 /dev/null\n")[404].silent
    assert pages(f"{mine}{PROXY} http-error status 403 errorfiles mine\n")[403].reason == b"Mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{PROXY} errorfiles mine\n", "'errorfiles mine' names no section http-errors: 'mine'"),
        (
            f"http-errors mine\n{PROXY} errorfiles mine 404\n",
            "names a status without a page in 'http-errors mine': 404",
        ),
        (f"http-errors m\n{PROXY} http-request return errorfiles m\n", "has no file for the status 200"),
        ("http-errors\n", "'http-errors' expects a name and nothing else"),
        ("http-errors m\nhttp-errors m\n", "'http-errors' declares 'm' a second time"),
        ("http-errors m\n errorfile 404\n", "'http-errors m' expects 'errorfile <status> <file>'"),
        ("http-errors m\n errorfile x y\n", "'errorfile' "),
        ("http-errors m\n bind :1\n", "'http-errors m' expects 'errorfile <status> <file>'"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text, "a.cfg", {})
    assert message in str(raised.value)
