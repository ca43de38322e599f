from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.config.acl.asking import facts, holds, scope
from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("TRUE TRUE", True),
        ("TRUE FALSE", False),
        ("FALSE or TRUE", True),
        ("FALSE FALSE || FALSE TRUE", False),
        ("!FALSE", True),
        ("! FALSE", True),
        ("! !FALSE", False),
        ("!! FALSE", False),
        ("TRUE !FALSE or FALSE", True),
        ("{ always_true }", True),
        ("!{ always_true } or { always_false } !FALSE", False),
        ("! { always_false }", True),
        ("{ str(or) -m str or }", True),
        ("LOCALHOST", False),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    assert holds(condition) is expected


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ("if", "expects a condition after 'if'"),
        ("when TRUE", "takes 'if' or 'unless' here, not 'when'"),
        ("if or TRUE", "has an 'or' with nothing before or behind it"),
        ("if TRUE ||", "has an 'or' with nothing before or behind it"),
        ("if TRUE !", "has a '!' with nothing behind it"),
        ("if { src 10.0.0.1", "misses the closing '}'"),
        ("if {src 10.0.0.1}", "no such ACL: '{src'; braces stand alone: { src 10.0.0.0/8 }"),
        ("if TREU", "no such ACL: 'TREU'; did you mean 'TRUE'?"),
        ("if { }", "expects a fetch such as src, dst_port or nbsrv(backend)"),
    ],
)
def test_problems(condition: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_condition(condition.split(), Acls(scope()))
    assert str(caught.value) == problem


def test_a_name_that_is_defined_twice_matches_either() -> None:
    acls = Acls(scope())
    acls.define("a", ["src", "10.0.0.0/8"])
    acls.define("a", ["src", "11.0.0.0/8"])
    acls.define("TRUE", ["always_false"])
    condition = parse_condition(["if", "a"], acls)
    assert [condition(facts(source)) for source in ("10.0.0.1", "11.0.0.1", "12.0.0.1")] == [True, True, False]
    assert not parse_condition(["if", "TRUE"], acls)(facts())
    assert parse_condition(["unless", "TRUE"], acls)(facts())


def test_a_name_cannot_be_an_operator() -> None:
    with pytest.raises(ArgumentError, match="cannot be the name"):
        Acls(scope()).define("or", ["always_true"])


@given(
    st.lists(
        st.sampled_from(["if", "unless", "TRUE", "FALSE", "!", "!TRUE", "or", "||", "{", "}", "!{", "src", "1"]),
        min_size=1,
    )
)
def test_any_words_are_a_condition_or_an_error(words: list[str]) -> None:
    try:
        condition = parse_condition(words, Acls(scope()))
    except ArgumentError:
        return
    assert condition(facts()) in (True, False)
