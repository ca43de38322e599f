"""Which deliveries of one AMQP channel are settled, and up to which tag one multiple acknowledgement may go.

A multiple acknowledgement covers every outstanding tag up to the one it names, and that one must itself be outstanding
(AMQP 0-9-1 reference, basic.ack; RabbitMQ closes the channel over an unknown tag). So it may only name a
delivery up to which everything is settled. Pure.

    tag       1        2         3        4       5
    state  written   buried   written  in hand  written     → acknowledge 3, multiple
"""

from __future__ import annotations

import enum


class _State(enum.Enum):
    IN_HAND = "in hand"
    WRITTEN = "written"
    BURIED = "buried"


class AckTracker:
    """The outstanding deliveries of one channel, in order of their tags."""

    def __init__(self) -> None:
        self._states: dict[int, _State] = {}  # tags ascend, and a dict keeps the order of insertion

    def __len__(self) -> int:
        return len(self._states)

    def delivered(self, tag: int) -> None:
        """Note a new delivery; tags ascend."""
        self._states[tag] = _State.IN_HAND

    def written(self, tag: int) -> None:
        """Note that Redis answered all of the delivery."""
        self._states[tag] = _State.WRITTEN

    def buried(self, tag: int) -> None:
        """Note that the dead letters have the delivery."""
        self._states[tag] = _State.BURIED

    def take_prefix(self) -> tuple[int, int] | None:
        """Return the tag to acknowledge with `multiple` now and how many written deliveries it covers.

        None for nothing. What is returned is forgotten: the caller must send it.
        """
        tag, written = 0, 0
        settled = []
        for candidate, state in self._states.items():
            if state is _State.IN_HAND:
                break
            settled.append(candidate)
            tag = candidate
            written += state is _State.WRITTEN
        for candidate in settled:
            del self._states[candidate]
        return (tag, written) if tag else None
