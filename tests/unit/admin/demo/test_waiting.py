"""admin.demo.waiting: waits end by the condition, by the limit, or by the user."""

from __future__ import annotations

from threading import Event

import pytest

from admin.demo.waiting import Interrupted, Patience
from admin.errors import DemoError


def test_a_wait_ends_with_its_condition() -> None:
    answers = iter([False, False, True])
    Patience(Event()).until(lambda: next(answers), 10, "third time lucky")


def test_a_wait_that_is_in_vain_names_what_was_waited_for() -> None:
    with pytest.raises(DemoError, match="the proxy answers: not within 0 s"):
        Patience(Event()).until(lambda: False, 0, "the proxy answers")


def test_the_user_ends_every_wait() -> None:
    stop = Event()
    stop.set()
    with pytest.raises(Interrupted):
        Patience(stop).pause(60)
    with pytest.raises(Interrupted):
        Patience(stop).until(lambda: False, 60, "never")
