"""A difference from another program counts when it shows twice."""

from __future__ import annotations

from pathlib import Path

import pytest

_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have a comparison that fails made once more.

    Two programs never do a thing in the same millisecond, and HAProxy's own answer may hang on it: whether it still
    counts the connection before, which of two goodbyes comes first. What they decide differently they will decide
    differently again. The first failure is reported (tests/conftest.py), the second one fails the run; tests of wproxy
    alone have no second chance.
    """
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))
