"""What `rebalance sessions` of the stats socket has done so far, read from its table, and the sentence about it."""

from __future__ import annotations

from dataclasses import dataclass

from admin.errors import RefusedError
from admin.statistics import Row, parse_stat

_ALL = "BACKEND"
_NOTHING = "Nothing to close"
_UNKNOWN = "Unknown command"


@dataclass(frozen=True, slots=True)
class Seats:
    """The sessions of one server: now, as many as belong there, and how many were closed."""

    server: str
    sessions: int
    quota: int
    closed: int


@dataclass(frozen=True, slots=True)
class Rebalance:
    """How far one backend's rebalance is; `note` holds the proxy's words when there is nothing to close at all.

    `left` counts sessions in the wrong place that were too busy to be closed, `bound` those that a stick table keeps.
    """

    backend: str
    closing: bool
    done: bool
    closed: int
    left: int
    bound: int
    returned: int
    servers: tuple[Seats, ...] = ()
    note: str = ""

    @property
    def sessions(self) -> int:
        """How many sessions the backend has now."""
        return sum(each.sessions for each in self.servers)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rebalance that is over, of a backend that had `before` sessions."""

    end: Rebalance
    before: int

    def __str__(self) -> str:
        """Return the sentence for humans, `closed 20 of 100 sessions: now redisA 30, redisB 70`."""
        end = self.end
        if end.note:
            return end.note
        away = min(end.closed, self.before - end.sessions)
        said = [
            f"closed {end.closed} of {self.before} sessions" if end.closed else "no session to close",
            f"{away} not back yet" if away > 0 else "",
            f"{end.left} too busy to be closed" if end.left else "",
            f"{end.bound} kept by a stick table" if end.bound else "",
        ]
        now = ", ".join(f"{each.server} {each.sessions}" for each in end.servers)
        return f"{', '.join(filter(None, said))}: now {now}"

    def document(self) -> dict[str, object]:
        """Return the same for programs."""
        end = self.end
        return {
            "sessions_before": self.before,
            "closed": end.closed,
            "left": end.left,
            "bound": end.bound,
            "note": end.note or None,
            "servers": [
                {"server": each.server, "sessions": each.sessions, "quota": each.quota, "closed": each.closed}
                for each in end.servers
            ],
        }


def parse_rebalance(backend: str, answer: str) -> Rebalance:
    """Return what the proxy answers about `backend`; raise RefusedError when it is neither a table nor its reason."""
    words = answer.strip()
    if words.startswith(_NOTHING):
        return Rebalance(backend, False, True, 0, 0, 0, 0, note=words[0].lower() + words[1:])
    if words.startswith(_UNKNOWN):
        raise RefusedError("done, but no session was closed: this proxy knows no 'rebalance sessions'")
    rows = parse_stat(answer)
    whole = next((row for row in rows if row.get("srv_name") == _ALL), None)
    if whole is None:
        raise RefusedError(f"the proxy tells nothing of a rebalance of {backend}")
    closed, left, bound, returned = (_number(whole, name) for name in ("closed", "left", "bound", "returned"))
    state = whole.get("state")
    servers = tuple(
        Seats(str(row.get("srv_name")), _number(row, "sessions"), _number(row, "quota"), _number(row, "closed"))
        for row in rows
        if row is not whole
    )
    return Rebalance(backend, state == "closing", state == "done", closed, left, bound, returned, servers)


def _number(row: Row, column: str) -> int:
    value = row.get(column)
    return value if isinstance(value, int) else 0
