"""What rules may ask of stick tables; `state.tracking` fits these protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wproxy.config.acl.facts import Value  # which has these protocols in its own


class TrackedFacts(Protocol):
    """An entry of a stick table: `config.table_data` has the names of its data and of events."""

    @property
    def table_name(self) -> str:
        """The name of its table."""

    @property
    def key(self) -> Value:
        """Its key."""

    @property
    def trackers(self) -> int:
        """How many track it."""

    def datum(self, name: str) -> int | None:
        """Return one of its data, None when its table does not store that."""

    def count(self, event: str, events: int = 1) -> None:
        """Add `events` to what they grow."""

    def set(self, name: str, number: int) -> None:
        """Set one of its data."""

    def release(self) -> None:
        """Track it no longer."""


class TableFacts(Protocol):
    """A stick table."""

    @property
    def used(self) -> int:
        """How many entries it has."""

    @property
    def size(self) -> int:
        """How many it may have."""

    def takes(self, value: Value) -> bool:
        """Tell whether `value` can be a key of it."""

    def track(self, value: Value) -> TrackedFacts | None:
        """Begin to track the entry of `value`, a new one where there is none; None when there can be none."""

    def reach(self, value: Value) -> TrackedFacts | None:
        """Return the same without tracking it."""

    def find(self, value: Value) -> TrackedFacts | None:
        """Return the entry of `value`, None when there is none."""
