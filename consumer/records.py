"""What an observation becomes in Redis: key, value and time of expiry, as one packed command.

`SET obs|<source>|<destination>|<ns>|<sensor>|<seq> "<source port>|<destination port>" PXAT <ms>`. The separator is `|`
because `:` would be ambiguous in an IPv6 address. The key holds all that makes an observation unique, so a batch that
is written again overwrites itself. Pure: the clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import hiredis

from capture.messages import Batch

_NS_PER_MS = 1_000_000

# hiredis' stub asks for a tuple of exactly one argument.
pack: Callable[[tuple[str | int, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]


class Record(NamedTuple):
    """One observation ready to be sent: when it expires (milliseconds since 1970) and its RESP command."""

    expires_ms: int
    command: bytes


def records(batch: Batch, ttl_ms: int) -> list[Record]:
    """Return the records of `batch`, in order.

    The capture time is rounded down to the millisecond: no key outlives its time, and it may go up to 1 ms early.
    """
    made = []
    sensor = batch.sensor
    for sequence, (source, destination, source_port, destination_port, time_ns) in enumerate(
        batch.observations, batch.sequence
    ):
        key = f"obs|{source}|{destination}|{time_ns}|{sensor}|{sequence}"
        expires_ms = time_ns // _NS_PER_MS + ttl_ms
        command = pack(("SET", key, f"{source_port}|{destination_port}", "PXAT", expires_ms))
        made.append(Record(expires_ms, command))
    return made


def alive(candidates: list[Record], now_ms: int) -> list[Record]:
    """Return those of `candidates` whose time is not over yet."""
    return [record for record in candidates if record.expires_ms > now_ms]
