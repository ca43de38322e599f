from __future__ import annotations

from tests.unit.wproxy.config.http.exchange import http_facts
from wproxy.config.acl.converter import looked_up, simple
from wproxy.config.acl.facts import Kind


def test_a_row_without_arguments() -> None:
    row = simple("twice", Kind.INTEGER, Kind.INTEGER, lambda number: 2 * number)
    assert row.make()(4) == 8
    assert not row.of_request


def test_variables() -> None:
    assert [looked_up(http_facts(), name) for name in ("txn.text", "txn.none")] == ["word", None]
