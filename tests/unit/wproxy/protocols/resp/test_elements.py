from __future__ import annotations

import pytest

from wproxy.protocols.resp.elements import elements
from wproxy.protocols.resp.replies import ReplyError


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        (b"*0\r\n", []),
        (b"*-1\r\n", []),
        (b"*3\r\n:1\r\n$-1\r\n*1\r\n+a\r\n", [b":1\r\n", b"$-1\r\n", b"*1\r\n+a\r\n"]),
        (b"~2\r\n_\r\n#t\r\n", [b"_\r\n", b"#t\r\n"]),
    ],
)
def test_elements_stay_as_they_are(reply: bytes, parts: list[bytes]) -> None:
    assert elements(reply) == parts


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"$1\r\na\r\n", b"*1"])
def test_no_array(reply: bytes) -> None:
    with pytest.raises(ReplyError, match="an array was expected"):
        elements(reply)
