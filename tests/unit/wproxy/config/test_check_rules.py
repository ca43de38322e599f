from __future__ import annotations

import pytest

from wproxy.config.check_rules import connect_rule, expect_rule, header_lines, hexadecimal, request_rule, send_rule
from wproxy.config.checks import ConnectRule, ExpectRule, Match, RequestRule, SendRule
from wproxy.config.values import ArgumentError

ALL = tuple(Match)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("", ConnectRule(1)),
        ("port 443 ssl sni a.example", ConnectRule(1, port=443, ssl=True, sni="a.example")),
        ("default linger comment c", ConnectRule(1, linger=True, comment="c", default=True)),
        ("port 80 addr ::1", ConnectRule(1, "::1", 80)),
    ],
)
def test_connect(line: str, rule: ConnectRule) -> None:
    assert connect_rule(line.split(), 1) == rule


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("port", "expects a value after 'port'"),
        ("port 0", "has to be >= 1, not 0"),
        ("addr 300.1.1.1", "has an invalid address '300.1.1.1' in '300.1.1.1'"),
        ("addr *", "needs a host, not '*'"),
        ("alpn", "has HAProxy's 'alpn', which is not supported by wproxy"),
        ("x", "expects 'comment', 'port', 'addr', 'ssl', 'sni', 'linger' or 'default', not 'x'"),
    ],
)
def test_connect_problems(line: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        connect_rule(line.split(), 1)
    assert str(caught.value) == problem


def test_send() -> None:
    assert send_rule(["é"], 1) == SendRule(1, "é".encode())
    assert send_rule(["0aFF", "comment", "c"], 2, binary=True) == SendRule(2, b"\x0a\xff", "c")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "expects a string"),
        ([""], "expects a string"),
        (["a", "b"], "expects 'comment', not 'b'"),
        (["a", "comment"], "expects a value after 'comment'"),
        (["a", "comment", "c", "d"], "cannot handle unexpected argument 'd'"),
    ],
)
def test_send_problems(words: list[str], problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        send_rule(words, 1)
    assert str(caught.value) == problem


@pytest.mark.parametrize("text", ["", "0", "zz", "0 0"])
def test_hexadecimal(text: str) -> None:
    with pytest.raises(ArgumentError, match="even number"):
        hexadecimal(text)


def test_request() -> None:
    words = [
        "meth",
        "GET",
        "uri",
        "/x",
        "ver",
        "HTTP/1.1",
        "hdr",
        "A",
        "b",
        "hdr",
        "C",
        "5%%",
        "body",
        "q",
        "comment",
        "c",
    ]
    headers = (("A", "b"), ("C", "5%"))
    assert request_rule(words, 3) == RequestRule(3, "GET", "/x", "HTTP/1.1", headers, "q", "c")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("x", "expects 'comment', 'meth', 'uri', 'ver', 'hdr' or 'body', not 'x'"),
        ("hdr a", "expects a value after 'hdr'"),
        ("hdr a %[x]", "has a log format after 'hdr', which is not supported by wproxy: '%[x]'"),
    ],
)
def test_request_problems(line: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        request_rule(line.split(), 1)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("string a", ExpectRule(1, Match.STRING, "a")),
        ("! string a", ExpectRule(1, Match.STRING, "a", True)),
        ("!rstring ^a", ExpectRule(1, Match.REGEX, "^a", True)),
        ("binary 00", ExpectRule(1, Match.BINARY, "00")),
        ("rbinary ^00", ExpectRule(1, Match.BINARY_REGEX, "^00")),
        ("status 200,300-399", ExpectRule(1, Match.STATUS, "200,300-399")),
        ("rstatus ^2", ExpectRule(1, Match.STATUS_REGEX, "^2")),
        (
            "min-recv 3 ok-status L4OK error-status L7STS tout-status L6TOUT on-success y string a on-error n"
            " comment c",
            ExpectRule(1, Match.STRING, "a", False, 3, "L4OK", "L7STS", "L6TOUT", "y", "n", "c"),
        ),
    ],
)
def test_expect(line: str, rule: ExpectRule) -> None:
    assert expect_rule(line.split(), 1, ALL) == rule


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "expects a match and a pattern"),
        (["min-recv", "3"], "expects a match and a pattern"),
        (["!"], "knows 'string', 'rstring', not ''"),
        (["foo", "x"], "knows 'string', 'rstring', not 'foo'"),
        (["string"], "expects a value after 'string'"),
        (["string", ""], "expects a pattern after 'string'"),
        (["string", "a", "b"], "cannot handle unexpected argument 'b'"),
        (["ok-status", "L7STS"], "knows 'L7OK', 'L7OKC', 'L6OK', 'L4OK', not 'L7STS'"),
        (["on-error", "%T"], "has a log format after 'on-error', which is not supported by wproxy: '%T'"),
    ],
)
def test_expect_problems(words: list[str], problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        expect_rule(words, 1, (Match.STRING, Match.REGEX))
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("rstring (", "has an invalid regular expression"),
        ("binary 0", "even number"),
        ("status 20", "expects statuses such as 200"),
    ],
)
def test_patterns(line: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        expect_rule(line.split(), 1, ALL)


def test_header_lines() -> None:
    assert header_lines("Host: www\r\nX:1\r\n") == (("Host", "www"), ("X", "1"))
