"""The tables of the language of rules: what is done, and what is HAProxy's alone."""

from __future__ import annotations

from wproxy.config.reference_language import actions, converters, fetches, words


def test_each_table_has_what_is_done_and_what_is_refused() -> None:
    assert "| `set-header` | done | done | |" in actions()
    assert "| `auth` | done |  | |" in actions()
    assert "| `set-var(<name>)` | done | done | |" in actions()
    assert "| `lua.` | refused | refused | |" in actions()
    assert "| `method` | string |  |  | x | x | x |" in fetches()
    assert "`path_beg`" in fetches()
    assert "| `lower` | string | string |" in converters()
    assert "`reg`" in words()
    assert "`%Tr`" in words()


def test_all_lines_of_a_table_have_as_many_cells() -> None:
    for text in (actions(), fetches(), converters()):
        assert len({line.count("|") for line in text.splitlines()}) == 1
