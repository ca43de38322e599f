from __future__ import annotations

from wproxy.policy.redis.actions import Ask, Move, Refuse, Send

KEY = (0, b"k")


class Get:
    """A command on one key."""

    keys = (KEY,)


def test_what_is_not_said_is_the_usual_case() -> None:
    command = Get()
    assert not Send(1, "a", command).tell
    assert not Refuse(1, command, "a").denied


def test_actions_that_look_alike_are_told_apart_by_their_kind() -> None:
    assert Ask(1, "a", KEY) == Ask(1, "a", KEY)
    assert Move(1, "a", "b", KEY, replace=False) != Move(1, "a", "b", KEY, replace=True)
