"""How long a head may be: the same on HAProxy and on wproxy, also where `tune.bufsize` says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.beside_http import scene

FRAME = len(b"GET / HTTP/1.1\r\nHost: h\r\nX: \r\n\r\n")


def accepted(program: str, folder: Path, globals_: str, sizes: range) -> list[bool]:
    """Tell of heads of `sizes` bytes which are passed on."""
    with scene(program, folder, (), top=f"global\n{globals_}") as made:
        made.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        requests = (b"GET / HTTP/1.1\r\nHost: h\r\nX: %b\r\n\r\n" % (b"x" * (size - FRAME)) for size in sizes)
        return [made.ask(request).startswith(b"HTTP/1.1 200") for request in requests]


@pytest.mark.parametrize(
    ("globals_", "limit"),
    [
        ("", 15280),
        ("    tune.bufsize 32768\n", 31664),
        ("    tune.bufsize 32768\n    tune.maxrewrite 4096\n", 28592),
        ("    tune.maxrewrite 12000\n", 8112),
        ("    tune.bufsize 20001\n", 18912),
    ],
)
def test_long_heads(tmp_path: Path, globals_: str, limit: int) -> None:
    sizes = range(limit - 48, limit + 40, 8)
    ours = accepted("wproxy", tmp_path, globals_, sizes)
    assert ours == accepted("haproxy", tmp_path, globals_, sizes)
    assert set(ours) == {True, False}
