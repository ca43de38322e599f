from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import scope
from tests.unit.wproxy.config.http.exchange import http_scope
from wproxy.config.acl.facts import Stage
from wproxy.config.formats import Text
from wproxy.config.log_formats import CLF, HTTPLOG, TCPLOG, parse_log_format
from wproxy.config.values import ArgumentError


def test_formats_with_a_name() -> None:
    assert len(parse_log_format(TCPLOG, scope())) == 35
    for text in (TCPLOG, HTTPLOG, CLF):
        assert parse_log_format(text, http_scope(Stage.LOG))


def test_spaces_are_one() -> None:
    assert parse_log_format("a   b", scope()) == (Text("a b"),)


def test_what_needs_mode_http() -> None:
    with pytest.raises(ArgumentError, match="cannot use the variable '%HM' here"):
        parse_log_format("%HM", scope())
