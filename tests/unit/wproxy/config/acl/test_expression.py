from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts, scope
from wproxy.config.acl.expression import parse_expression
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("src 10.0.0.0/8", True),
        ("src -- 10.0.0.0/8", True),
        ("src -n -u 7 10.0.0.0/8", True),
        ("src -f list", True),
        ("src -f list 172.16.0.1", True),
        ("src -m str -f list", False),
        ("str(abc) -i ABC", True),
        ("str(abc) ABC", False),
        ("str(abc) ABC -i", False),
        ("str(-i) -- -i", True),
        ("nbsrv(back) 2", True),
        ("fe_conn() 0", True),
        ("src", False),
        ("src --", False),
    ],
)
def test_expressions(expression: str, expected: bool) -> None:
    assert parse_expression(expression.split(), scope())(facts()) is expected


def test_what_has_no_address_matches_nothing() -> None:
    assert not parse_expression(["src", "-m", "found"], scope())(facts(None))
    assert not parse_expression(["src_port", "0:"], scope())(facts(None))


def test_no_pattern_is_worth_a_warning() -> None:
    warnings: list[str] = []
    for words in (["src"], ["src", "--"], ["src", "-m", "found"]):
        parse_expression(words, scope(warn=warnings.append))
    assert warnings == ["'src' has no pattern and will never match; for mere existence write '-m found'"]


def no_such_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("srcc 1", "knows no fetch 'srcc'; did you mean 'src'?"),
        ("hdr(host) x", "cannot ask for 'hdr' here: it needs 'mode http'"),
        ("sc_get_gpc(0,0) 1", "cannot use HAProxy's fetch 'sc_get_gpc', which is not supported by wproxy"),
        ("nbsrv(back 1", "has unbalanced parentheses in 'nbsrv(back'"),
        ("src,ipmaks(24) 1.1.1.1", "knows no converter 'ipmaks'; did you mean 'ipmask'?"),
        ("src,table_idle(x) 1", "cannot use HAProxy's converter 'table_idle', which is not supported by wproxy"),
        ("src,ipmask(33) 1.1.1.1", "'ipmask' expects a mask such as 255.255.255.0 or 24, not '33'"),
        ("nbsrv(a,b) 1", "takes at most 1 arguments in parentheses, not 'nbsrv(a,b)'"),
        ("nbsrv(bakc) 1", "'nbsrv' names a backend that is not there: 'bakc'; did you mean 'back'?"),
        ("src -m bag 1", "knows no matching method 'bag'; did you mean 'beg'?"),
        ("src -m", "'-m' expects an argument"),
        ("src -M -f x", "'-M' is not supported by wproxy: it reads no map files"),
        ("src -1", "'-1' is no flag; write '--' in front of patterns that begin with '-'"),
        ("src -m bool", "matching method 'bool' does not go with 'src', of type ip"),
        ("src -f nope", "cannot read the patterns of 'nope': No such file or directory"),
    ],
)
def test_problems(expression: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_expression(expression.split(), scope(read=no_such_file))
    assert str(caught.value) == problem
