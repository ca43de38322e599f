from __future__ import annotations

import pytest

from wproxy.errors import ConfigError, Problem, WproxyError


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.cfg", 7, "unknown keyword"), "[a.cfg:7] : unknown keyword"),
        (Problem("a.cfg", 0, "cannot be read"), "[a.cfg] : cannot be read"),
    ],
)
def test_a_problem_says_where_it_is(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_a_configuration_error_carries_all_problems() -> None:
    problems = (Problem("a", 1, "x"), Problem("b", 2, "y"))
    error = ConfigError(problems)
    assert isinstance(error, WproxyError)
    assert error.problems == problems
    assert str(error) == "[a:1] : x\n[b:2] : y"
