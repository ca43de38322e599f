from __future__ import annotations

from tests.unit.wproxy.config.acl.asking import facts
from wproxy.config.acl.facts import ALWAYS, Kind, Stage
from wproxy.config.acl.fetch import plain


def test_a_row_without_arguments() -> None:
    row = plain("one", Kind.INTEGER, lambda facts: 1)
    assert (row.stages, row.each, row.make()(facts())) == (ALWAYS, None, 1)
    assert plain("two", Kind.INTEGER, lambda facts: 2, Stage.LOG).stages is Stage.LOG
