from __future__ import annotations

from datetime import datetime
from random import Random

import pytest

from wproxy.observe.captures import dump, text
from wproxy.state.captures import NOBODY, Capture, Captures, Excerpt, Named, Side

DATE = datetime(2026, 11, 21, 15, 13, 55, 736_999)


def kept(*captures: Capture) -> Captures:
    all_ = Captures()
    for capture in captures:
        all_.keep(capture)
    return all_


def test_none() -> None:
    assert text(Captures(), 5.0, DATE) == "Total events captured on [21/Nov/2026:15:13:55.736] : 0\n"


def test_a_request_in_haproxys_words() -> None:
    excerpt = Excerpt(b"*1\r\n!x\r\n", 4)
    frontend, backend, source = Named("web", 3), Named("redis", 4), ("127.0.0.1", 36038)
    capture = Capture(Side.REQUEST, 98.5, frontend, backend, NOBODY, source, excerpt, ("one", "two"))
    assert text(kept(capture), 100.0, DATE) == (
        "Total events captured on [21/Nov/2026:15:13:55.736] : 1\n"
        " \n"
        "[21/Nov/2026:15:13:54.236] frontend web (#3): invalid request\n"
        "  backend redis (#4), server <NONE> (#-1), event #0, src 127.0.0.1:36038\n"
        "  buffer starts at 0 (including 0 out), 16376 free,\n"
        "  len 8, wraps at 16384, error at position 4\n"
        "  one\n"
        "  two :\n"
        "  \n"
        "  00000  *1\\r\\n\n"
        "  00004  !x\\r\\n\n"
    )


def test_a_response_in_haproxys_words() -> None:
    server, backend = Named("a", 1), Named("redis", 4)
    capture = Capture(Side.RESPONSE, 100.0, NOBODY, backend, server, None, Excerpt(b"oops", 70_000, 69_998), ("why",))
    assert text(kept(capture), 100.0, DATE, 4, Side.RESPONSE).splitlines()[2:] == [
        "[21/Nov/2026:15:13:55.736] backend redis (#4): invalid response",
        "  frontend <NONE> (#-1), server a (#1), event #0",
        "  buffer starts at 69998 (including 0 out), 16380 free,",
        "  len 4, wraps at 16384, error at position 70000",
        "  why :",
        "  ",
        "  69998  oops",
    ]
    assert "oops" not in text(kept(capture), 100.0, DATE, 4, Side.REQUEST)
    assert "oops" not in text(kept(capture), 100.0, DATE, 5)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n\nx", ["00000  \\n", "00001  \\n", "00002  x"]),
        # Beside HAProxy 2.6.12.
        (b"a" * 68 + b"\x01z\r\n", ["00000  " + "a" * 68, "00068+ \\x01z\\r\\n"]),
        (b"a" * 66 + b"\x01\x02\r\n", ["00000  " + "a" * 66 + "\\x01", "00067+ \\x02\\r\\n"]),
        (b"a" * 68 + b"\r\nb", ["00000  " + "a" * 68 + "\\r", "00069+ \\n", "00070  b"]),
        (b"a" * 69 + b"\\b", ["00000  " + "a" * 69, "00069+ \\\\b"]),
        (b"\t\r\x1b\\\x7f\xff ~", ["00000  \\t\\r\\e\\\\\\x7F\\xFF ~"]),
    ],
)
def test_dumps(data: bytes, lines: list[str]) -> None:
    assert list(dump(data)) == lines


def test_no_line_is_wider_than_a_terminal() -> None:
    assert max(len(f"  {line}") for line in dump(Random(5).randbytes(5000))) == 79
