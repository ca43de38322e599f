"""`wproxy.config.http.model`: the order of the connection modes is what decides between frontend and backend."""

from __future__ import annotations

from wproxy.config.http.model import Closing


def test_modes_that_close_more_come_later() -> None:
    assert list(Closing) == [Closing.KEEP_ALIVE, Closing.SERVER_CLOSE, Closing.CLOSE]
