from __future__ import annotations

import pytest

from wproxy.config.acl.json_text import DECODERS, escaped

GOOD = "\xc3\xa9"
LONG = "\xc0\xaf"  # a slash, written longer than it need be
LARGE = "\xf0\x9f\x98\x80"


@pytest.mark.parametrize(
    ("decoder", "text", "expected"),
    [
        ("ascii", 'a"\\/\b\f\n\r\t\x01\x7f', 'a\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f'),
        ("ascii", GOOD, "\\u00c3\\u00a9"),
        ("utf8", GOOD, "\\u00e9"),
        ("utf8", "\xff", None),
        ("utf8", LONG, None),
        ("utf8", LARGE, None),
        ("utf8s", f"a\xff{LONG}b", "ab"),
        ("utf8p", LONG, "\\/"),
        ("utf8p", "\xed\xa0\x80", None),
        ("utf8ps", f"{LONG}\x80b", "\\/b"),
    ],
)
def test_escaped(decoder: str, text: str, expected: str | None) -> None:
    assert escaped(DECODERS[decoder], text) == expected
