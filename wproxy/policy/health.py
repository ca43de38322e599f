"""The health of one server as its checks tell it: a counter between DOWN and UP, with rise and fall.

    0 ……… rise-1 │ rise ……… rise+fall-1
        DOWN     │          UP

A passed check moves the counter up, and from `rise` on all the way to the right; a failed one moves it down, and from
`rise` all the way to the left. A server starts at `rise`, also after maintenance: up, but one failure away from down.

Source: HAProxy configuration manual, section 5.2, "rise" and "fall"; the numbers show as `UP 1/3`, `DOWN 1/2`.
"""

from __future__ import annotations

import enum


class Transition(enum.Enum):
    """What a check result changed."""

    NONE = "none"
    UP = "up"
    DOWN = "down"


class Health:
    """The counter of one server."""

    __slots__ = ("counter", "fall", "rise")

    def __init__(self, rise: int, fall: int) -> None:
        self.rise = rise
        self.fall = fall
        self.counter = rise

    @property
    def full(self) -> bool:
        """Whether no check has failed lately."""
        return self.counter == self.rise + self.fall - 1

    @property
    def steps(self) -> str:
        """How far it is on its side, and of how many steps: `1/3` when up, `1/2` when down."""
        return f"{self.counter - self.rise + 1}/{self.fall}" if self.up else f"{self.counter}/{self.rise}"

    @property
    def up(self) -> bool:
        """Whether the server may get traffic."""
        return self.counter >= self.rise

    def passed(self) -> Transition:
        """Take note of a check that succeeded."""
        was_up = self.up
        self.counter += 1
        if self.up:
            self.counter = self.rise + self.fall - 1
        return Transition.UP if self.up and not was_up else Transition.NONE

    def failed(self) -> Transition:
        """Take note of a check that failed."""
        was_up = self.up
        if self.counter > self.rise:
            self.counter -= 1
            return Transition.NONE
        self.counter = 0
        return Transition.DOWN if was_up else Transition.NONE

    def force(self, *, up: bool) -> Transition:
        """Be as far UP or DOWN as can be, whatever the checks say."""
        was_up = self.up
        self.counter = self.rise + self.fall - 1 if up else 0
        if self.up is was_up:
            return Transition.NONE
        return Transition.UP if up else Transition.DOWN

    def pause(self) -> None:
        """Know nothing, while there are no checks: the server is in maintenance."""
        self.counter = 0

    def restart(self) -> None:
        """Begin as at the start."""
        self.counter = self.rise

    def __str__(self) -> str:
        """Return HAProxy's status: UP, `UP 1/3` when going down, DOWN, `DOWN 1/2` when coming up."""
        side = "UP" if self.up else "DOWN"
        return side if self.full or not self.counter else f"{side} {self.steps}"
