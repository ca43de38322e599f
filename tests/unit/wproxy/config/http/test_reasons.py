from __future__ import annotations

import pytest

from wproxy.config.http.reasons import reason_of


@pytest.mark.parametrize(
    ("status", "reason"),
    [(200, b"OK"), (302, b"Moved Temporarily"), (299, b"Success"), (599, b"Server Error"), (700, b"Other")],
)
def test_reasons(status: int, reason: bytes) -> None:
    assert reason_of(status) == reason
