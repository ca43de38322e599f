from __future__ import annotations

import pytest

from tests.unit.wproxy.observe.logs.facts import record
from wproxy.observe.logs.template import TCPLOG, Template


def test_tcplog() -> None:
    text = Template(TCPLOG).text(record())
    client, date, rest = text.split(" ", 2)
    assert client == "192.0.2.1:4711"
    assert date.startswith("[")
    assert rest == "front back/a 51/20/1500 345 -- 7/1/5/2/0 0/0"


@pytest.mark.parametrize(("text", "expected"), [("%%B %B%%", "%B 345%"), ("", ""), ("100 %", "100 %")])
def test_percent_signs(text: str, expected: str) -> None:
    assert Template(text).text(record()) == expected


def test_an_unknown_variable() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        Template("%nonsense")
