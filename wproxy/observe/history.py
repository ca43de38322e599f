"""What the statistics page shows of the past: rates of the last minutes, the last changes of each server.

Both are bounded: a ring of `SAMPLES` numbers for each frontend, backend and server, `CHANGES` lines for each server.
What is gone from the registry is forgotten with the next sample.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from wproxy.config.model import Mode
from wproxy.observe.columns import Party
from wproxy.state.frontend import Frontend
from wproxy.state.registry import Registry

PACE_S = 5.0  # between two samples
SAMPLES = 60  # five minutes of them
CHANGES = 8


class Change(NamedTuple):
    """A line about a server, in the words of the log, and when it was written, in seconds since 1970."""

    at_s: float
    text: str


class _Series:
    """The events of each pace, and the counter from which the next ones are counted."""

    __slots__ = ("events", "total")

    def __init__(self, total: int) -> None:
        self.total = total
        self.events: deque[int] = deque(maxlen=SAMPLES)

    def sample(self, total: int) -> None:
        """Take in where the counter stands now; one that has been cleared begins at 0."""
        self.events.append(total - self.total if total >= self.total else total)
        self.total = total


class History:
    """Filled by its owner: `sample` every PACE_S, `note` at each change; read by the page."""

    __slots__ = ("_changes", "_series")

    def __init__(self, registry: Registry) -> None:
        self._series: dict[Party, _Series] = {}
        self._changes: dict[tuple[str, str], deque[Change]] = {}
        self.sample(registry)

    def sample(self, registry: Registry) -> None:
        """Count what has happened since the last time."""
        before, series = self._series, {}
        parties: list[Party] = [*registry.frontends.values(), *registry.backends.values(), *registry.servers()]
        for party in parties:
            total = counted(party)
            if party in before:
                series[party] = before[party]
                series[party].sample(total)
            else:
                series[party] = _Series(total)
        self._series = series
        if len(self._changes) > sum(len(backend.servers) for backend in registry.backends.values()):
            self._forget(registry)

    def _forget(self, registry: Registry) -> None:
        """Let go of what was said of servers that are no more."""
        names = {(server.backend_name, server.name) for server in registry.servers()}
        self._changes = {name: changes for name, changes in self._changes.items() if name in names}

    def note(self, backend: str, server: str, at_s: float, text: str) -> None:
        """Remember a line of the log about a server, without the server's name in front."""
        text = text.partition(f"{backend}/{server} ")[2] or text
        changes = self._changes.setdefault((backend, server), deque(maxlen=CHANGES))
        changes.append(Change(at_s, text))

    def rates(self, party: Party) -> Sequence[float]:
        """Return events per second of the last paces, oldest first."""
        series = self._series.get(party)
        return [] if series is None else [events / PACE_S for events in series.events]

    def changes(self, backend: str, server: str) -> Sequence[Change]:
        """Return the last lines about a server, latest first."""
        return list(reversed(self._changes.get((backend, server), ())))


def counted(party: Party) -> int:
    """Return the counter whose growth is the rate: requests of a frontend that sees them, sessions elsewhere."""
    if isinstance(party, Frontend) and party.config.mode is not Mode.TCP:
        return party.counters.requests
    return party.counters.sessions


def noun(party: Party, mode: Mode) -> str:
    """Return what `counted` counts."""
    if mode is Mode.REDIS:
        return "commands"
    return "requests" if mode is Mode.HTTP and isinstance(party, Frontend) else "sessions"
