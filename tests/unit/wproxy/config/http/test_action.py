from __future__ import annotations

import pytest

from wproxy.config.http.action import Slots, Words
from wproxy.config.values import ArgumentError


def test_words() -> None:
    words = Words(("a", "-m", "b", "if", "c"))
    assert words.next("a word") == "a"
    assert (words.take("-n"), words.take("-m"), words.over) == (False, True, False)
    assert words.next("a word") == "b"
    assert words.over
    assert words.rest() == ("if", "c")


@pytest.mark.parametrize("words", [(), ("",)])
def test_none_left(words: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError, match="expects a name"):
        Words(words).next("a name")


def test_slots_are_their_own() -> None:
    Slots().request.append(1)
    assert Slots().request == []
