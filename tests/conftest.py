"""Fixtures that every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import redis_server


@pytest.fixture
def redis_pair(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two real Redis servers; yields their ports."""
    with redis_server(tmp_path) as first, redis_server(tmp_path) as second:
        yield first, second
