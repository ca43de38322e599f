from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.retired import RETIRED


@pytest.mark.parametrize("row", RETIRED, ids=lambda row: row.words)
def test_what_haproxy_dropped_says_so(row: object) -> None:
    words = getattr(row, "words", "")
    problem = problem_of(f"backend b\n {words} x\n")
    assert problem.startswith(f"HAProxy's keyword '{words}' is not supported by wproxy: HAProxy dropped it in ")


def test_what_to_write_instead() -> None:
    assert problem_of("listen l\n reqadd X-A:\\ b\n").endswith("use 'http-request add-header'")
