from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols.resp.inline import InlineError, split_inline

# tests/conformance/test_resp.py sends the same lines to a real redis-server.
SPLIT = {
    b"": [],
    b" \t\v\f\r ": [],
    b"GET k": [b"GET", b"k"],
    b"a\vb c\fd": [b"a\vb", b"c\fd"],
    b"a \vb": [b"a", b"b"],
    b"a\tb\rc": [b"a", b"b", b"c"],
    b"\"\" ''": [b"", b""],
    b'a"b c"': [b"ab c"],
    b"a'b c'": [b"ab c"],
    rb'"\x41\x4g\n\r\t\b\a\\\"\q"': [b'Ax4g\n\r\t\b\a\\"q'],
    rb"'\x41\n\\x' b": [rb"\x41\n\\x", b"b"],
    rb"'it\'s' x": [b"it's", b"x"],
    rb"a\nb": [rb"a\nb"],
    b'"\xff\xfe"': [b"\xff\xfe"],
    b'"a"\vb': [b"a", b"b"],
    b"\xc3\xa9 \xa0": [b"\xc3\xa9", b"\xa0"],
}
UNBALANCED = [
    b'"', b"'", b'a "b', b"a 'b", b'"a"b', b"'a'b", b'"a""b"', b"'a''b'", rb'"a\"', rb"'a\'", rb'"a' + b"\\",
    rb"'a\' b", b"a\"b\"c", rb"'\'", rb"'\\' b",
]  # fmt: skip


@pytest.mark.parametrize(("line", "arguments"), SPLIT.items(), ids=map(repr, SPLIT))
def test_quoting_is_redis(line: bytes, arguments: list[bytes]) -> None:
    assert split_inline(line) == arguments


@pytest.mark.parametrize("line", UNBALANCED, ids=repr)
def test_unbalanced_quotes(line: bytes) -> None:
    with pytest.raises(InlineError, match="unbalanced quotes in request"):
        split_inline(line)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("escape", [rb"\x41", rb"\'", b"\\\\", rb"\q", b"ab"])
@pytest.mark.parametrize("quote", [b'"', b"'"])
def test_a_hostile_line_takes_no_longer_than_another(escape: bytes, quote: bytes) -> None:
    for end in (b"", quote + b"x"):
        with pytest.raises(InlineError):
            split_inline(quote + escape * 10_000 + end)


@given(st.lists(st.binary(max_size=12)))
def test_hex_in_double_quotes_carries_any_bytes(arguments: list[bytes]) -> None:
    line = b" ".join(b'"%b"' % b"".join(b"\\x%02x" % byte for byte in argument) for argument in arguments)
    assert split_inline(line) == arguments
