from __future__ import annotations

import pytest

from wproxy.config.acl.call import Call, split
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("path", [Call("path")]),
        ("path()", [Call("path")]),
        ("hdr(a),lower,field(1,x)", [Call("hdr", ("a",)), Call("lower"), Call("field", ("1", "x"))]),
        ("hdr(,1)", [Call("hdr", ("", "1"))]),
        ("str('a,b)')", [Call("str", ("a,b)",))]),
        ('str("a\'b"c)', [Call("str", ("a'bc",))]),
        (r"str(a\ b\nc\d)", [Call("str", ("a b\nc\\d",))]),
        (r"str('a\nb')", [Call("str", (r"a\nb",))]),
        ("base32+src", [Call("base32+src")]),
        ("str( a )", [Call("str", (" a ",))]),
    ],
)
def test_split(text: str, calls: list[Call]) -> None:
    assert split(text) == (calls, len(text))


def test_it_ends_where_no_call_goes_on() -> None:
    assert split("x %[src,lower] y", 4) == ([Call("src"), Call("lower")], 13)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expects a fetch in ''"),
        ("src,", "expects a converter in 'src,'"),
        ("str(a", "has unbalanced parentheses in 'str(a'"),
        ("str('a)", "has unbalanced parentheses in 'str('a)'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        split(text)
    assert str(caught.value) == problem
