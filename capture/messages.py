"""The wire schema between capture and consumer: a batch of observations as one JSON document.

Shape: `{"v": 1, "sensor": "host-a", "seq": 4711, "obs": [["10.0.0.1", "10.0.0.2", 51234, 9000, 1732186800000000000]]}`.
Each observation is source IP, destination IP, source port, destination port and capture time in integer nanoseconds
since 1970; its own sequence number is the batch's `seq` plus its index. Any service can read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeGuard

import orjson

VERSION = 1
CONTENT_TYPE = "application/vnd.wproxy.observations+json"

_LATEST_NS = 4_102_444_800_000_000_000  # 2100-01-01: a later capture time is a broken clock, not an observation
_LARGEST_PORT = 65_535
_LARGEST_SEQ = 2**63 - 1


class MessageError(ValueError):
    """A message that is no batch. Raised by `decode`; caught by the consumer, which sends it to the dead letters."""


class Observation(NamedTuple):
    """One TCP packet: who sent it, to whom, when (nanoseconds since 1970, UTC)."""

    source: str
    destination: str
    source_port: int
    destination_port: int
    time_ns: int


Row: TypeAlias = tuple[str | int, ...]  # an observation as it stands in a message


class Packed(Protocol):
    """Observations in a form of their own, which become rows only when they are encoded."""

    def __len__(self) -> int:
        """Return how many they are."""

    def rows(self) -> list[Row]:
        """Return their rows, in order."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one sensor saw, in order; the i-th observation has sequence number `sequence` + i."""

    sensor: str
    sequence: int
    observations: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A `Batch` before it is encoded."""

    sensor: str
    sequence: int
    observations: Packed


def encode(batch: Batch | PackedBatch) -> bytes:
    """Return the JSON document of `batch`."""
    held = batch.observations
    document = {
        "v": VERSION,
        "sensor": batch.sensor,
        "seq": batch.sequence,
        # A NamedTuple is no list to orjson: it wants the plain tuple.
        "obs": [tuple(observation) for observation in held] if isinstance(held, tuple) else held.rows(),
    }
    return orjson.dumps(document)


def decode(body: bytes) -> Batch:
    """Return the batch that `body` holds; raise MessageError, which says why, when it holds none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MessageError(f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise MessageError("no JSON object")
    version = document.get("v")
    if type(version) is not int or version != VERSION:  # True is 1 as well
        raise MessageError(f"version {_shown(version)}, this consumer reads {VERSION}")
    sensor, sequence, rows = document.get("sensor"), document.get("seq"), document.get("obs")
    if not isinstance(sensor, str) or not sensor or "|" in sensor:
        raise MessageError("'sensor' is no name")
    if not _is_number(sequence, _LARGEST_SEQ):
        raise MessageError("'seq' is no sequence number")
    if not isinstance(rows, list):
        raise MessageError("'obs' is no list")
    return Batch(sensor, sequence, tuple(_observation(row, index) for index, row in enumerate(rows)))


class Extent(NamedTuple):
    """How much a message holds: the number of its observations, and when the newest was captured (0 for none)."""

    observations: int
    newest_ns: int


def extent(body: bytes) -> Extent:
    """Return the extent of a message that `encode` made, without checking its parts again; else raise MessageError."""
    try:
        times = [row[-1] for row in orjson.loads(body)["obs"]]
        return Extent(len(times), int(max(times, default=0)))
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        raise MessageError(f"no batch: {error}") from error


def _observation(row: Any, index: int) -> Observation:  # noqa: ANN401 - whatever the JSON held
    if not isinstance(row, list) or len(row) != len(Observation._fields):
        raise MessageError(f"observation {index} does not have {len(Observation._fields)} fields")
    source, destination, source_port, destination_port, time_ns = row
    if (
        _is_address(source)
        and _is_address(destination)
        and _is_number(source_port, _LARGEST_PORT)
        and _is_number(destination_port, _LARGEST_PORT)
        and _is_number(time_ns, _LATEST_NS)
    ):
        return Observation(source, destination, source_port, destination_port, time_ns)
    raise MessageError(f"observation {index}: {_fault(row)}")


def _fault(row: list[Any]) -> str:
    """Return what is wrong with a row of the right length."""
    source, destination, source_port, destination_port, time_ns = row
    for address in (source, destination):
        if not _is_address(address):
            return f"{_shown(address)} is no IP address"
    for port in (source_port, destination_port):
        if not _is_number(port, _LARGEST_PORT):
            return f"{_shown(port)} is no port"
    return f"{_shown(time_ns)} is no capture time in nanoseconds"


def _shown(value: Any) -> str:  # noqa: ANN401
    """Return what an error says of a value, however long it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _is_number(value: Any, largest: int) -> TypeGuard[int]:  # noqa: ANN401
    return type(value) is int and 0 <= value <= largest


def _is_address(value: Any) -> bool:  # noqa: ANN401
    """Tell whether `value` is the text of an IP address; inet_pton takes a tenth of the time of `ipaddress`."""
    if not isinstance(value, str):
        return False
    try:
        inet_pton(AF_INET6 if ":" in value else AF_INET, value)
    except (OSError, ValueError):
        return False
    return True
