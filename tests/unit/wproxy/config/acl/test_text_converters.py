from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import http_scope, value
from wproxy.config.acl.sample import parse_sample
from wproxy.config.values import ArgumentError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("str(aB),lower", "ab"),
        ("str(aB),upper", "AB"),
        ("str(é),length", 2),
        ("str(f1_f2_f3__f5),field(5,_)", "f5"),
        ("str(f1_f2_f3__f5),field(2,_,0)", "f2_f3__f5"),
        ("str(f1_f2_f3__f5),field(-2,_,3)", "f2_f3_"),
        ("str(f1_f2_f3__f5),field(9,_)", None),
        ("str(f1_f2_f3__f5),word(4,_)", "f5"),
        ("str(f1_f2_f3__f5),word(2,_,0)", "f2_f3__f5"),
        ("str(f1_f2_f3__f5),word(-2,_,3)", "f1_f2_f3"),
        ("str(f1_f2_f3__f5),word(3,_,2)", "f3__f5"),
        ("str(__a_b),word(-1,_,0)", "__a_b"),
        ("str(__a_b),word(9,_)", ""),
        ("str(abc),bytes(1)", "bc"),
        ("str(abc),bytes(1,1)", "b"),
        ("str(abc),bytes(3)", ""),
        ("str(abc),bytes(-1)", ""),
        ("str(aaa),regsub(a,b)", "baa"),
        ("str(aAa),regsub(A,b,gi)", "bbb"),
        ("str(a),concat(<,txn.text,>)", "a<word>"),
        ("str(a),concat(<,txn.none)", "a<"),
        ("str(a),concat(x)", "ax"),
        ("str(a),add_item(;,txn.text)", "a;word"),
        ("str(),add_item(;,txn.text)", "word"),
        ("str(a),add_item(;,txn.none)", "a"),
        ("str(a),add_item(;,,z)", "a;z"),
        ("str(word),strcmp(txn.text)", 0),
        ("str(wor),strcmp(txn.text)", -1),
        ("str(x),strcmp(txn.text)", 1),
        ("str(x),strcmp(txn.none)", None),
        ("str(word),secure_memcmp(txn.text)", True),
        ("str(wort),secure_memcmp(txn.text)", False),
        ("str(wo),secure_memcmp(txn.text)", False),
        ("str(wo),secure_memcmp(txn.none)", None),
        ('str("a\\r\\nb"),cut_crlf', "a"),
        ("str(xxa),ltrim(x)", "a"),
        ("str(axx),rtrim(x)", "a"),
        ("str(ab),hex", "6162"),
        ("str(0aG),hex2i", 10),
        ("str(ffffffffffffffff),hex2i", -1),
        ("str(G),hex2i", None),
        ("str(ab),base64", "YWI="),
        ("str(ab),ub64enc", "YWI"),
        ("str(YWI=),b64dec", "ab"),
        ("str(YWI),b64dec", None),
        ("str(YWI),ub64dec", "ab"),
        ("str(YWI!),ub64dec", None),
        ("str(A),ub64dec", None),
        ("str(a%20b+c?d+e),url_dec", "a b+c?d e"),
        ("str(a+b),url_dec(1)", "a b"),
        ("str(%zz),url_dec", None),
        ("str(a b/é),url_enc", "a%20b%2F%C3%A9"),
        ("str(H.x:80),host_only", "h.x"),
        ("str([::1]:80),host_only", "[::1]"),
        ("str(h:80),port_only", 80),
        ("str(h),port_only", 0),
        ("str('a\"b'),json(ascii)", 'a\\"b'),
        ("str('fr;q=0.2,en-US,en;q=0.5,de;q=0'),language(fr;en)", "en"),
        ("str('fr;q=0.2,en-US'),language(fr;en-US)", "en-US"),
        ("str(xx),language(fr;en)", None),
        ("str(xx),language(fr;en,fr)", "fr"),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("str(a),field(0,x)", "'field' takes 1 for the first, -1 for the last, not 0"),
        ("str(a),field(1)", "'field' expects characters that separate"),
        ("str(a),regsub(a,b,x)", "'regsub' knows the flags g and i, not 'x'"),
        ("str(a),word(1,x,-1)", "'word' expects a number of 0 or more in parentheses, not '-1'"),
    ],
)
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_sample(text, http_scope())
    assert str(caught.value) == problem
