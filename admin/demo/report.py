"""What the demo found out, in numbers: the JSON document, the sentences for humans, and whether it went well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TOLERANCE = 0.01  # one point between a server's share of the weights and its share of what is stored


@dataclass(frozen=True, slots=True)
class Phase:
    """One half of the demo: the weights in force, and how many keys each server gained under them."""

    weights: Mapping[str, int]
    stored: Mapping[str, int]

    def share(self, server: str) -> float:
        """Return the part of this phase's keys that `server` holds, from 0 to 1."""
        return fraction(self.stored[server], sum(self.stored.values()))

    def target(self, server: str) -> float:
        """Return the part of the weights that `server` has, from 0 to 1."""
        return fraction(self.weights[server], sum(self.weights.values()))

    def faults(self) -> list[str]:
        """Return one line for each server whose share is off by more than a point."""
        return [
            f"{server} holds {self.share(server):.1%}, its weight asks for {self.target(server):.1%}"
            for server in self.stored
            if sum(self.stored.values()) and abs(self.share(server) - self.target(server)) > TOLERANCE
        ]

    def document(self) -> dict[str, object]:
        """Return this phase's part of the JSON document."""
        return {"weights": dict(self.weights), "stored": dict(self.stored)}


@dataclass(frozen=True, slots=True)
class Report:
    """The whole run. `captured` is from capture's counters, `stored` from the Redis servers themselves."""

    captured: int
    expired: int
    phases: tuple[Phase, ...]

    @property
    def stored(self) -> int:
        """Return how many keys the servers gained in all phases."""
        return sum(sum(phase.stored.values()) for phase in self.phases)

    @property
    def lost(self) -> int:
        """Return how many captured packets are neither stored nor were too old to be; negative means copies."""
        return self.captured - self.stored - self.expired

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {
            "captured": self.captured,
            "stored": self.stored,
            "lost": self.lost,
            "expired": self.expired,
            "phases": [phase.document() for phase in self.phases],
        }

    def faults(self) -> list[str]:
        """Return one line for everything that did not go as the demo promises; none means that all did."""
        faults = [] if self.captured else ["no packet was captured"]
        if self.lost:
            word = "lost" if self.lost > 0 else "stored more than once"
            faults.append(f"{abs(self.lost):,} of {self.captured:,} packets {word}")
        for number, phase in enumerate(self.phases, 1):
            faults += [f"phase {number}: {fault}" for fault in phase.faults()]
        return faults


def fraction(part: int, whole: int) -> float:
    """Return `part` of `whole`, 0 when there is no whole."""
    return part / whole if whole else 0.0
