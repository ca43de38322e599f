"""What stick tables keep of a key besides its server: a row each, in the order in which HAProxy shows them.

Counters and rates grow by events (configuration manual, section 4.2, "stick-table"); one event may grow several.
"""

from __future__ import annotations

from wproxy.records import dataclass

SERVER_ID, SERVER_KEY = "server_id", "server_key"
CURRENT = "conn_cur"  # ends with the connections, and so with their process

# What is counted, in the words of `LiveTable.count`.
CONNECTION, DEPARTURE, SESSION = "conn", "leave", "sess"
REQUEST, ERROR, FAILURE = "http_req", "http_err", "http_fail"
BYTES_IN, BYTES_OUT = "bytes_in", "bytes_out"


@dataclass(frozen=True, slots=True)
class Datum:
    """One row: its name, the events that it grows by, and whether it is a rate over a period."""

    name: str
    events: tuple[str, ...] = ()
    is_rate: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """One `store` word of a table; `period_ms` is that of a rate, 0 of everything else."""

    datum: Datum
    period_ms: int = 0

    @property
    def text(self) -> str:
        """The word as it is shown."""
        return f"{self.datum.name}({self.period_ms})" if self.datum.is_rate else self.datum.name


def _pair(event: str) -> tuple[Datum, Datum]:
    return Datum(f"{event}_cnt", (event,)), Datum(f"{event}_rate", (event,), is_rate=True)


DATA: dict[str, Datum] = {
    row.name: row
    for row in (
        Datum(SERVER_ID),
        Datum("gpt0"),
        Datum("gpc0", ("gpc0",)),
        Datum("gpc0_rate", ("gpc0",), is_rate=True),
        *_pair(CONNECTION),
        Datum(CURRENT, (CONNECTION, DEPARTURE)),
        *_pair(SESSION),
        *_pair(REQUEST),
        *_pair(ERROR),
        *_pair(BYTES_IN),
        *_pair(BYTES_OUT),
        Datum("gpc1", ("gpc1",)),
        Datum("gpc1_rate", ("gpc1",), is_rate=True),
        Datum(SERVER_KEY),
        *_pair(FAILURE),
    )
}
HAPROXY_ONLY = ("gpt", "gpc", "gpc_rate")  # arrays

_NO_FAILURES = (501, 505)  # statuses that tell of the request, not of the server


def event_of(status: int) -> str:
    """Return what a server's response of `status` is counted as besides, "" for nothing."""
    if 400 <= status < 500:
        return ERROR
    return FAILURE if status >= 500 and status not in _NO_FAILURES else ""
