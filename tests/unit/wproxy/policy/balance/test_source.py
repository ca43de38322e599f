from __future__ import annotations

import pytest

from wproxy.policy.balance.source import source_key


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("127.0.0.1", 0x7F000001),
        ("255.255.255.255", 0xFFFFFFFF),
        ("::1", 1),
        ("1:2:3:4:5:6:7:8", 0x00010002 ^ 0x00030004 ^ 0x00050006 ^ 0x00070008),
        ("::ffff:1.2.3.4", 0xFFFF ^ 0x01020304),
        ("fe80::1%lo", 0xFE800001),
        ("", 0),
        ("/run/socket", 0),
    ],
)
def test_keys(host: str, key: int) -> None:
    assert source_key(host) == key
