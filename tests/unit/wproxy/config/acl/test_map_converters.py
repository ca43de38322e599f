from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wproxy.config.http.exchange import http_facts, http_scope
from wproxy.config.acl.facts import Stage
from wproxy.config.acl.map_converters import entries
from wproxy.config.acl.sample import parse_sample
from wproxy.config.values import ArgumentError

FILES = {
    "words": "# comment\n a   one two \n\n\tb\t2\na never\nalone\n",
    "begins": "/a short\n/a/b long\n",
    "ends": ".com com\n",
    "nets": "10.0.0.0/8 wide\n10.1.0.0/16 narrow\n::/0 six\n10.1.0.0/16 never\n",
    "four": "10.0.0.0/8 wide\n",
    "ints": "7 seven\n50:99 many\n",
    "regs": "^([a-z]+)([0-9]+)$ \\2-\\1\n",
    "addresses": "a 1.2.3.4\n",
    "bad": "a b\n",
}


def scope(**more: Any) -> Any:
    return http_scope(Stage.REQUEST, read=FILES.__getitem__, **more)


def ask(text: str) -> object:
    return parse_sample(text, scope()).fetch(http_facts())


def test_lines() -> None:
    assert entries("words", scope()) == [("a", "one two"), ("b", "2"), ("a", "never"), ("alone", "")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("str(a),map(words)", "one two"),
        ("str(x),map(words)", None),
        ("str(x),map_str(words,no)", "no"),
        ("str(a),map_str_str(words,no)", "one two"),
        ("str(/a/b/c),map_beg(begins)", "long"),
        ("str(/a/x),map_beg(begins)", "short"),
        ("str(/),map_beg(begins)", None),
        ("str(x.com),map_end(ends)", "com"),
        ("str(x.org),map_end(ends)", None),
        ("src,map_ip(nets)", "narrow"),
        ("ipv4(10.9.9.9),map_ip(nets)", "wide"),
        ("ipv4(11.9.9.9),map_ip(nets)", "six"),
        ("ipv4(11.9.9.9),map_ip(four)", None),
        ("ipv6(::ffff:10.1.2.3),map_ip(nets)", "narrow"),
        ("ipv6(::ffff:11.1.2.3),map_ip(nets)", "six"),
        ("ipv6(fe80::1),map_ip(four,no)", "no"),
        ("int(7),map_int(ints)", "seven"),
        ("int(60),map_int(ints)", "many"),
        ("int(8),map_int(ints)", None),
        ("str(ab12),map_regm(regs)", "12-ab"),
        ("str(!),map_regm(regs)", None),
        ("str(b),map_str_int(bad2,7)", 7),
        ("str(a),map_str_ip(addresses)", b"\1\2\3\4"),
    ],
)
def test_values(text: str, expected: object) -> None:
    FILES["bad2"] = ""
    assert ask(text) == expected


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("str(a),map", "'map' expects the name of a file"),
        ("str(a),map_str_int(bad)", "'map_str_int' expects whole numbers as values, not 'b'"),
        ("str(a),map_str_ip(bad)", "'map_str_ip' expects addresses as values, not 'b'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        ask(text)
    assert str(caught.value) == problem


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="'map' cannot read the map 'x': No such file or directory"):
        parse_sample("str(a),map(x)", http_scope(read=no_file))
