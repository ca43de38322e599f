"""From frames to runs: decodes them, keeps what was sent to the listening addresses, counts the rest.

Frames that come one by one are decoded one by one; columns of the ring are observations already, because the kernel's
filter let nothing else through. A sieve keeps the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from capture.decode import Reason, decode
from capture.messages import Observation
from capture.runs import Listed, Run
from capture.targets import Targets


class Haul(NamedTuple):
    """What came of some frames: observations, how many frames were no TCP packet we can read, how many not for us."""

    runs: tuple[Run, ...]
    unparsed: int = 0
    ignored: int = 0

    @property
    def parsed(self) -> int:
        """Return how many observations these are."""
        return sum(map(len, self.runs))


NOTHING = Haul(())


class Sieve:
    """Gathers what frames hold until it is emptied by `haul`."""

    def __init__(self, targets: Targets, *, syn_only: bool = False) -> None:
        self._targets = targets
        self._syn_only = syn_only
        self._runs: list[Run] = []
        self._single: list[Observation] = []
        self._unparsed = 0
        self._ignored = 0

    def frame(self, frame: bytes, time_ns: int, link_type: int) -> None:
        """Take one frame of one of `decode.LINK_TYPES`."""
        observation = decode(frame, time_ns, link_type, syn_only=self._syn_only)
        if isinstance(observation, Reason):
            if observation is Reason.NOT_SYN:
                self._ignored += 1
            else:
                self._unparsed += 1
        elif self._targets.wants(observation):
            self._single.append(observation)
        else:
            self._ignored += 1

    def frames(self, frames: Iterable[tuple[bytes, int]], link_type: int) -> None:
        """Take frames with their capture times."""
        for frame, time_ns in frames:
            self.frame(frame, time_ns, link_type)

    def run(self, run: Run) -> None:
        """Take observations that need no more looking at."""
        self._close_single()
        self._runs.append(run)

    def haul(self) -> Haul:
        """Return what has gathered, and begin anew."""
        self._close_single()
        haul = Haul(tuple(self._runs), self._unparsed, self._ignored)
        self._runs.clear()
        self._unparsed = self._ignored = 0
        return haul

    def _close_single(self) -> None:
        if self._single:
            self._runs.append(Listed(self._single))
            self._single = []
