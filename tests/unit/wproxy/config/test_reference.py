from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from wproxy.config import reference, values
from wproxy.config.grammar import Section, Sets, done, ignored
from wproxy.config.reference import page, table

DOCUMENT = Path(__file__).parents[4] / "docs" / "compatibility.md"


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == page(), "run: python -m wproxy.config.reference > docs/compatibility.md"


def test_a_row_of_the_table() -> None:
    rows = (
        *ignored("option tcplog", [Section.LISTEN, Section.DEFAULTS], "no log", "4.2"),
        done("maxconn", [Section.GLOBAL], Sets("maxconn", values.COUNT), "connections", "3.2"),
    )
    assert table(rows).splitlines()[2:] == [
        "| `maxconn <number>` | global | done | 3.2 | connections |",
        "| `option tcplog` | defaults, listen | ignored | 4.2 | no log |",
    ]


def test_the_program_prints_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(reference.__file__, run_name="__main__")
    assert capsys.readouterr().out == page()
