from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import http_facts, http_scope
from tests.unit.wproxy.observe.logs.facts import record
from wproxy.config.acl.facts import Stage
from wproxy.config.acl.scope import Scope
from wproxy.config.formats import Flags, Variable
from wproxy.config.log_formats import TCPLOG, parse_log_format
from wproxy.observe.logs import variables
from wproxy.observe.logs.template import Template


class Line:
    """A record with facts, for rows that have fixed values."""

    def __init__(self, *, known: bool = True) -> None:
        self.facts = http_facts() if known else None


ROWS = (
    variables.Variable("ci", "", lambda r: "10.1.2.3", hexadecimal=True),
    variables.Variable("cp", "", lambda r: 255, hexadecimal=True),
    variables.Variable("ST", "", lambda r: 200),
    variables.Variable("HM", "", lambda r: 'G"]'),
    variables.Variable("CC", "", lambda r: None),
    variables.Variable("ts", "", lambda r: "--", bare=True),
    variables.Variable("hr", "", lambda r: ""),
    variables.Variable("hrl", "", lambda r: ["a", None]),
    variables.Variable("s", "", lambda r: "unix", hexadecimal=True),
)


def text(pattern: str, *, known: bool = True) -> str:
    return Template(parse_log_format(pattern, http_scope(Stage.LOG)), ROWS).text(Line(known=known))


def test_tcplog() -> None:
    made = Template(parse_log_format(TCPLOG, Scope("f")), variables.variables()).text(record())
    client, date, rest = made.split(" ", 2)
    assert client == "192.0.2.1:4711"
    assert date.startswith("[")
    assert rest == "front back/a 51/20/1500 345 -- 7/1/5/2/0 0/0"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%ci:%cp %%", "10.1.2.3:255 %"),
        ("%{+X}ci %{+X}cp %{+X}ST %{+X}s", "0A010203 00FF 200 unix"),
        ("%{+Q}HM %{+E}HM %{+Q,+E}HM", '"G"]" G\\"\\] "G\\"\\]"'),
        ("%CC %{+Q}CC", '- ""'),
        ("%{+Q}ts %{+Q}ST", "-- 200"),
        ("a %hr %hr b", "a b"),
        (" %hr a ", "a "),
        ("%hrl|%{+Q}hrl", 'a -|"a" ""'),
        ("%[capture.req.method] %[var(txn.none)] %{+Q}[var(txn.none)] %[int(3)]", 'GET - "" 3'),
        ("%[str(é)] é", "é é"),
        ('%{+E}[str("a]")]', "a\\]"),
    ],
)
def test_texts(pattern: str, expected: str) -> None:
    assert text(pattern) == expected


def test_a_request_that_was_none() -> None:
    assert text("%[capture.req.method]", known=False) == "-"


def test_an_unknown_variable() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        Template([Variable("nonsense", Flags())], ())
