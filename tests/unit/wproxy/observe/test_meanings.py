from __future__ import annotations

from wproxy.observe.columns import COLUMNS
from wproxy.observe.meanings import MEANINGS


def test_every_column_has_its_meaning_and_the_order_is_the_same() -> None:
    assert list(MEANINGS) == [column.name for column in COLUMNS]


def test_tags_that_depend_on_the_kind_of_line() -> None:
    assert [MEANINGS["act"].tags_for(kind) for kind in "SB"] == ["SGP", "MGP"]
    assert [MEANINGS["scur"].tags_for(kind) for kind in "FSB"] == ["MGP"] * 3
