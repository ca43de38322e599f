from __future__ import annotations

import pytest

from wproxy.config.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "expected"), [("balanse", "balance"), ("wieght", "weight"), ("balance", "balance"), ("zzz", None)]
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, ["weight", "balance", "balance", "bind"]) == expected


def test_suggestion_is_appended_or_nothing() -> None:
    assert did_you_mean("bnd", ["bind"]) == "; did you mean 'bind'?"
    assert did_you_mean("zzz", ["bind"]) == ""
