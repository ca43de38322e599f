"""What a supervisor tells of moving keys while no worker can."""

from __future__ import annotations

from tests.unit.wproxy.state.parties import backend, line
from wproxy.crew.remote import Remote, weights
from wproxy.policy.balance.key import SLOTS
from wproxy.state.epochs import Progress


class Nobody:
    """A supervisor without workers."""

    def progress(self, backend: str) -> Progress | None:
        """Return None: nobody can tell."""

    def owes(self, backend: str, server: str) -> int | None:
        """Return None: nobody can tell."""


def test_changes_that_no_worker_has_seen_are_epochs_to_come() -> None:
    made = backend(line("a", 50), line("b", 50), balance="key")
    told = Remote(Nobody(), made)
    now = weights(made)
    assert now == {"a": 50, "b": 50}
    for places, opened in (
        ([], 0),
        ([now], 0),
        ([{"a": 1, "b": 0}], 1),
        ([{"a": 1, "b": 0}, {"a": 2, "b": 1}, now], 2),
    ):
        made.places = places
        progress = told.progress()
        assert progress.opened == opened
        assert [number for number, _, _ in progress.epochs] == list(range(1, opened + 1))
        assert told.owes("a") == (SLOTS if opened else 0)
        assert told.places() == places
