"""Slots of keys and knowledge of commands against a real redis-server."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from tests.support.programs import free_port, lack, redis_server
from tests.support.resp import Client, pack
from wproxy.policy.balance import slot_of
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import Command, parse_rows

ODD = [
    b"", b"{", b"}", b"{}", b"{}a", b"a{}", b"a{}{b}", b"{a}", b"x{a}y", b"x{a}y{b}z", b"{{a}}", b"{a", b"a}b{c}",
    b"}{a}",b"{a}{", b"\0", b"{\0}x", b"\r\n", b"{\r\n}", b"\xff" * 300, "schlüssel".encode(),
    b"obs|10.0.0.1|10.0.0.2|1732186800000000000|host|7",
]  # fmt: skip


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server with cluster mode on, which knows CLUSTER KEYSLOT."""
    # Where it does not say otherwise, nodes talk on a port 10,000 higher, which may be anybody's.
    options = "--cluster-enabled", "yes", "--cluster-port", str(free_port())
    with (
        redis_server(tmp_path_factory.mktemp("redis"), None, *options) as port,
        Client(port) as client,
    ):
        yield client


def slots(cluster: Client, keys: list[bytes]) -> list[int]:
    return cluster.pipeline([pack("CLUSTER", "KEYSLOT", key) for key in keys])


def test_odd_keys(cluster: Client) -> None:
    assert [slot_of(key) for key in ODD] == slots(cluster, ODD)


def test_random_keys(cluster: Client) -> None:
    random = Random(5)
    keys = [random.randbytes(random.randrange(40)) for _ in range(3000)]
    keys += [bytes(random.choices(b"{}ab", k=random.randrange(9))) for _ in range(3000)]
    assert [slot_of(key) for key in keys] == slots(cluster, keys)


def test_the_builtin_table_is_the_servers(cluster: Client) -> None:
    told = {command.name: command for row in cluster.ask("COMMAND") for command in _commands(row)}
    if b"redis_version:7.0." not in cluster.ask("INFO", "server"):
        lack("the table is that of Redis 7.0")
    ours = {
        command.name: (command.arity, command.first_key, command.last_key, command.step) for command in TABLE.values()
    }
    assert ours == {name: (one.arity, one.first_key, one.last_key, one.step) for name, one in told.items()}
    assert {one.name: one.flags for one in TABLE.values()} == {one.name: one.flags for one in told.values()}


TABLE = parse_rows(ROWS)
LETTERS = {
    b"write": "w", b"readonly": "r", b"blocking": "b", b"pubsub": "p", b"movablekeys": "m", b"admin": "a",
    b"noscript": "n",
}  # fmt: skip


def _commands(row: list[Any]) -> Iterator[Command]:
    """Yield a command, and its subcommands, out of a row of `COMMAND`."""
    name, arity, flags, first, last, step, *_ = row
    letters = "".join(letter for flag, letter in LETTERS.items() if flag in flags)
    text = name.decode()
    yield from parse_rows(f"{text} {arity} {first} {last} {step} {letters or '-'}").values()
    for subcommand in row[9]:
        yield from _commands(subcommand)
