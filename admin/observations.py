"""Reads observations back from the Redis servers: every server is asked, and one that does not answer is named.

A key is `obs|<source>|<destination>|<ns>|<sensor>|<seq>`, its value `<source port>|<destination port>`; the index that
the consumer keeps on request is a sorted set `peers|<destination>` of sources by the milliseconds of their last packet.
Under `balance roundrobin` a copy of a key may stand on two servers: keys are told apart, not servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from admin.client import SocketAddress
from admin.errors import NoAnswerError, RefusedError

_TIMEOUT_S = 10.0
_SCAN_COUNT = 5_000
_ASK_AT_ONCE = 5_000
_FIELDS = 6
_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Packet:
    """One observed packet, by its time in nanoseconds since 1970; ports are 0 where they were not asked for."""

    time_ns: int
    source: str
    destination: str
    sensor: str
    sequence: int
    source_port: int = 0
    destination_port: int = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """One address on the other end; `packets` and `first_ns` are None where the index was asked, which has neither."""

    address: str
    packets: int | None
    first_ns: int | None
    last_ns: int


class Observations:
    """The observations that `servers` hold. Raises NoAnswerError when one of them cannot be asked."""

    def __init__(self, servers: Iterable[SocketAddress], password: str | None = None) -> None:
        self._servers = tuple(servers)
        self._password = password

    def packets(
        self, source: str | None, destination: str | None, since_ns: int, *, with_ports: bool = False
    ) -> list[Packet]:
        """Return the packets from `source` to `destination`, None for any, seen since then, in the order of time."""
        found: dict[str, Packet] = {}
        for server in self._servers:
            with _client(server, self._password) as client:
                for keys in _scan(client, f"obs|{source or '*'}|{destination or '*'}|*"):
                    young = {key: packet for key in keys if (packet := _packet(key)) and packet.time_ns >= since_ns}
                    found.update(_with_ports(client, young) if with_ports else young)
        return sorted(found.values())

    def indexed_peers(self, destination: str, since_ns: int) -> list[Peer]:
        """Return who has sent to `destination` since then, the latest first, as the consumer's index tells."""
        latest: dict[str, int] = {}
        for server in self._servers:
            with _client(server, self._password) as client:
                found = client.zrangebyscore(f"peers|{destination}", since_ns // _NS_PER_MS, "+inf", withscores=True)
                for source, score in cast("list[tuple[str, float]]", found):
                    latest[source] = max(latest.get(source, 0), int(score) * _NS_PER_MS)
        return _latest_first(Peer(source, None, None, last) for source, last in latest.items())


def peers(packets: Iterable[Packet], *, by_destination: bool = False) -> list[Peer]:
    """Return the senders (or, `by_destination`, the receivers) of `packets`, the latest first."""
    seen: dict[str, list[int]] = {}
    for packet in packets:
        seen.setdefault(packet.destination if by_destination else packet.source, []).append(packet.time_ns)
    return _latest_first(Peer(address, len(times), min(times), max(times)) for address, times in seen.items())


def _latest_first(found: Iterable[Peer]) -> list[Peer]:
    return sorted(found, key=lambda peer: (-peer.last_ns, peer.address))


@contextmanager
def _client(server: SocketAddress, password: str | None) -> Iterator[Redis]:
    """Yield a connection to one server, whose errors name it."""
    client = Redis(
        host=server.host,
        port=server.port,
        password=password,
        decode_responses=True,
        protocol=2,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
    )
    try:
        yield client
    except (ResponseError, AuthenticationError) as error:
        raise RefusedError(f"redis {server}: {error}") from error
    except (RedisError, OSError) as error:
        raise NoAnswerError(
            f"redis {server}: {error}: the answer would not be whole; if it is reached elsewhere from here, name every "
            "server with --redis"
        ) from error
    finally:
        client.close()


def _scan(client: Redis, pattern: str) -> Iterator[list[str]]:
    cursor = 0
    while True:
        cursor, keys = client.scan(cursor, match=pattern, count=_SCAN_COUNT)
        if keys:
            yield cast("list[str]", keys)
        if cursor == 0:
            return


def _packet(key: str) -> Packet | None:
    """Return the packet that a key tells of; None when it is no key of ours."""
    fields = key.split("|")
    if len(fields) != _FIELDS or not (fields[3].isdecimal() and fields[5].isdecimal()):
        return None
    return Packet(int(fields[3]), fields[1], fields[2], fields[4], int(fields[5]))


def _with_ports(client: Redis, packets: dict[str, Packet]) -> dict[str, Packet]:
    """Return `packets` with their ports; those that have expired since they were found are left out."""
    keys, complete = list(packets), {}
    for start in range(0, len(keys), _ASK_AT_ONCE):
        some = keys[start : start + _ASK_AT_ONCE]
        for key, value in zip(some, client.mget(some), strict=True):
            if value is not None:
                source, _, destination = str(value).partition("|")
                packet = packets[key]
                complete[key] = Packet(
                    packet.time_ns,
                    packet.source,
                    packet.destination,
                    packet.sensor,
                    packet.sequence,
                    _port(source),
                    _port(destination),
                )
    return complete


def _port(text: str) -> int:
    return int(text) if text.isdecimal() else 0
