"""What an observation becomes in Redis: key, value and time of expiry, as one packed command.

`SET obs|<source>|<destination>|<ns>|<sensor>|<seq> "<source port>|<destination port>" PXAT <ms>`. The separator is `|`
because `:` would be ambiguous in an IPv6 address. The key holds all that makes an observation unique, so a batch that
is written again overwrites itself.

The index of peers, when it is wanted, is a sorted set `peers|<destination>` of sources by the milliseconds of their
last packet. It only ever grows younger (ZADD GT), so that a batch which is written again changes nothing. Pure: the
clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import hiredis

from capture.messages import Batch

_NS_PER_MS = 1_000_000

# hiredis' stub asks for a tuple of exactly one argument.
pack: Callable[[tuple[str | int, ...]], bytes] = hiredis.pack_command  # type: ignore[assignment]


class Record(NamedTuple):
    """One command ready to be sent: when it is of no use any more (milliseconds since 1970), and its RESP.

    An observation is answered +OK, a command of the index with a number.
    """

    expires_ms: int
    command: bytes
    is_observation: bool = True


def records(batch: Batch, ttl_ms: int) -> list[Record]:
    """Return the records of `batch`, in order.

    The capture time is rounded down to the millisecond: no key outlives its time, and it may go up to 1 ms early.
    """
    made = []
    sensor = batch.sensor
    longer = len(sensor.encode()) - len(sensor)  # all the rest is ASCII
    for sequence, (source, destination, source_port, destination_port, time_ns) in enumerate(
        batch.observations, batch.sequence
    ):
        key, value = f"obs|{source}|{destination}|{time_ns}|{sensor}|{sequence}", f"{source_port}|{destination_port}"
        expires_ms = time_ns // _NS_PER_MS + ttl_ms
        # Written out, because hiredis' pack_command takes twice as long over it.
        command = (
            f"*5\r\n$3\r\nSET\r\n${len(key) + longer}\r\n{key}\r\n${len(value)}\r\n{value}\r\n"
            f"$4\r\nPXAT\r\n${len(str(expires_ms))}\r\n{expires_ms}\r\n"
        )
        made.append(Record(expires_ms, command.encode()))
    return made


def alive(candidates: list[Record], now_ms: int) -> list[Record]:
    """Return those of `candidates` whose time is not over yet."""
    return [record for record in candidates if record.expires_ms > now_ms]


def index_records(batch: Batch, ttl_ms: int) -> list[Record]:
    """Return what keeps the index of peers: four commands for each destination in `batch`."""
    latest: dict[str, dict[str, int]] = {}
    for source, destination, _, _, time_ns in batch.observations:
        sources = latest.setdefault(destination, {})
        sources[source] = max(sources.get(source, 0), time_ns // _NS_PER_MS)
    return [record for destination, sources in latest.items() for record in _index(destination, sources, ttl_ms)]


def index_probe() -> bytes:
    """Return a command that only a Redis, or a proxy, that can keep the index answers with a number."""
    return pack(("ZCARD", "peers|"))


def _index(destination: str, sources: dict[str, int], ttl_ms: int) -> Iterator[Record]:
    key, expires_ms = f"peers|{destination}", max(sources.values()) + ttl_ms
    members = [word for source, last_ms in sources.items() for word in (last_ms, source)]
    for words in (
        ("ZADD", key, "GT", *members),
        ("ZREMRANGEBYSCORE", key, "-inf", max(sources.values()) - ttl_ms),
        ("PEXPIREAT", key, expires_ms, "NX"),  # GT alone takes a key without an expiry for one that never ends
        ("PEXPIREAT", key, expires_ms, "GT"),
    ):
        yield Record(expires_ms, pack(words), is_observation=False)
