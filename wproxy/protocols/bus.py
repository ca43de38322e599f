"""What the supervisor and its workers say to each other: messages on a stream between two processes of one host.

    length (4 bytes, big-endian) │ JSON: [kind, body]

Both are the same program and the stream is theirs alone; the limit is there so that a defect cannot take the memory.
State has numbers that grow: a change is a set of records, each the whole of what it is about, so that those a worker
has missed need not be replayed: it is sent the last record of each key (`Outbox`), or all of them when it is new.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import orjson

from wproxy.errors import WproxyError

Json: TypeAlias = Any
"""What JSON has: None, bool, int, float, str, and lists and dicts of them."""

LENGTH_BYTES = 4
LONGEST = 64 * 1024 * 1024  # `show sess all` of a hundred thousand sessions


class Kind(enum.Enum):
    """What a message is about, and who sends it."""

    HELLO = "hello"  # worker: who it is, and what it knows of the state
    STATE = "state"  # supervisor: {"number": N, "records": {key: record}}
    DONE = "done"  # worker: the number of the state that is in force in it
    ASK = "ask"  # supervisor: [number, question, argument]
    ANSWER = "answer"  # worker: [number, answer]
    TALLY = "tally"  # worker: what it has counted since its start
    LAST_TALLY = "last tally"  # worker: the same, when it has nothing more to count
    ENTRIES = "entries"  # both: entries of stick tables
    COUNTS = "counts"  # both: what was counted in them
    LOAD = "load"  # worker: places that it uses and wants on servers with `maxconn`
    PLACES = "places"  # worker: by which weights keys lie
    ESTATE = "estate"  # the next process: what it understands; the one before it: what it leaves, behind ENTRIES
    ACT = "act"  # worker: what was asked of it that only the supervisor can do


class Message(NamedTuple):
    """One message."""

    kind: Kind
    body: Json


class BusError(WproxyError):
    """The other side does not speak this protocol. Raised by `Reader`; the channel is closed then."""


def encode(kind: Kind, body: object) -> bytes:
    """Return the bytes of a message; keys of its objects are text."""
    text = orjson.dumps([kind.value, body])
    if len(text) > LONGEST:
        raise BusError(f"a message of {len(text)} bytes is too long")
    return len(text).to_bytes(LENGTH_BYTES, "big") + text


class Reader:
    """Finds the messages in what comes, however it is cut."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take `data`, yield the messages that are whole; raise BusError for what is none."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= LENGTH_BYTES:
            size = int.from_bytes(buffer[:LENGTH_BYTES], "big")
            if size > LONGEST:
                raise BusError(f"a message of {size} bytes is too long")
            end = LENGTH_BYTES + size
            if len(buffer) < end:
                return
            text = bytes(buffer[LENGTH_BYTES:end])
            del buffer[:end]
            yield _decoded(text)


def _decoded(text: bytes) -> Message:
    try:
        kind, body = orjson.loads(text)
        return Message(Kind(kind), body)
    except (ValueError, TypeError) as error:
        raise BusError(f"no message: {text[:60]!r}") from error


class Outbox:
    """What one worker is still to be told of the state, and what it has confirmed.

    A record that has not been sent yet is replaced by a newer one of its key: what waits is bounded by the number of
    keys, whatever the worker's pace.
    """

    __slots__ = ("_changed", "confirmed", "number", "sent")

    def __init__(self) -> None:
        self._changed: dict[str, Json] = {}
        self.number = 0  # of the newest record
        self.sent = 0
        self.confirmed = 0

    def put(self, number: int, records: Mapping[str, Json]) -> None:
        """Take in the records of state `number`."""
        self._changed.update(records)
        self.number = number

    def take(self) -> bytes | None:
        """Return the message with all that has changed since the last one, None when nothing has."""
        if self.sent == self.number:
            return None
        records, self._changed = self._changed, {}
        self.sent = self.number
        return encode(Kind.STATE, {"number": self.number, "records": records})

    @property
    def settled(self) -> bool:
        """Whether all of it is in force in the worker."""
        return self.confirmed >= self.number
