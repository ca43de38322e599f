"""What the consumer counts. Every field has one writer: the consuming thread, or the queue for what it alone knows.

received_observations = written + expired + refused + those of batches still in hand
received_batches      = acked + poison + returned + batches still in hand
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """Plain counts since the start."""

    received_batches: int = 0
    received_observations: int = 0
    written: int = 0
    expired: int = 0
    refused: int = 0
    poison: int = 0
    retries: int = 0
    redelivered: int = 0
    acked: int = 0
    returned: int = 0
    torn: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{getattr(self, field.name)} {field.name.replace('_', ' ')}" for field in fields(self))


# One row per counter: what the metrics page says about it.
DESCRIPTIONS = {
    "received_batches": "Messages taken off the queue",
    "received_observations": "Observations in the messages that could be read",
    "written": "Observations that Redis acknowledged",
    "expired": "Observations whose time was over before they could be written",
    "refused": "Observations not written because Redis refused their batch for good",
    "poison": "Messages sent to the dead letters",
    "retries": "Writes to Redis that were tried again",
    "redelivered": "Messages that had been delivered before",
    "acked": "Messages acknowledged",
    "returned": "Messages done that could not be acknowledged, and are delivered again",
    "torn": "Records of a spool that were cut off or damaged",
}
