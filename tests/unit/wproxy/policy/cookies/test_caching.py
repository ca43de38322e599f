from __future__ import annotations

import pytest

from tests.support.pure_http import response_of
from wproxy.policy.cookies.caching import may_be_cached


def cached(*fields: str, status: int = 200, method: bytes = b"GET") -> bool:
    lines = "".join(f"{field}\r\n" for field in fields)
    return may_be_cached(response_of(f"HTTP/1.1 {status} x\r\n{lines}\r\n".encode()), method)


@pytest.mark.parametrize(
    "fields",
    [
        ['ETag: "a"'], ["Last-Modified: x"], ["Expires: x"], ["Cache-Control: max-age=5"],
        ["Cache-Control: S-Maxage=5"],
        ['ETag: "a"', "Vary: *"], ['ETag: "a"', 'Cache-Control: no-cache="set-cookie"'],
        ["Cache-Control: private, public, max-age=5"], ['ETag: "a"', "Pragma: a, no-cache"],
    ],
)  # fmt: skip
def test_what_may(fields: list[str]) -> None:
    assert cached(*fields)


@pytest.mark.parametrize(
    "fields",
    [
        [], ["Cache-Control: public"], ['ETag: "a"', "Cache-Control: Private"],
        ['ETag: "a"', "Cache-Control: a, no-store"],
        ["Cache-Control: max-age=0", "Expires: x"], ['ETag: "a"', "Pragma: no-cache"],
        ['ETag: "a"', "Cache-Control: public, private"],
    ],
)  # fmt: skip
def test_what_may_not(fields: list[str]) -> None:
    assert not cached(*fields)


def test_methods_and_statuses() -> None:
    assert cached('ETag: "a"', status=404, method=b"HEAD")
    assert not cached('ETag: "a"', method=b"POST")
    assert not cached('ETag: "a"', status=302)
