"""`wproxy.config.http.model`: the order of the connection modes decides between frontend and backend; what repeats."""

from __future__ import annotations

from wproxy.config.http.model import Closing, RetryOn


def test_modes_that_close_more_come_later() -> None:
    assert list(Closing) == [Closing.KEEP_ALIVE, Closing.SERVER_CLOSE, Closing.CLOSE]


def test_what_a_server_has_had_goes_out_again_for_some_reasons_only() -> None:
    assert not RetryOn().repeats
    assert not RetryOn(connect=False).repeats
    assert RetryOn(empty=True).repeats
    assert RetryOn(statuses=frozenset({404})).repeats
