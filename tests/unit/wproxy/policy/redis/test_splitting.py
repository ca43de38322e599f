from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.policy.redis.splitting import SPLITTINGS, Part, merge_parts, split
from wproxy.protocols.resp import RequestParser
from wproxy.protocols.resp.values import array, bulk, integer, null

words = st.binary(max_size=20)


def group_of(key: bytes) -> int:
    return sum(key) % 3


def arguments_of(part: Part) -> list[bytes]:
    parser = RequestParser()
    parser.feed(part.raw)
    ((arguments, _),) = parser.take(2)
    return arguments


@given(st.lists(words, min_size=1, max_size=20))
def test_every_key_goes_to_its_group_once(keys: list[bytes]) -> None:
    parts = split(SPLITTINGS["mget"], [b"MGET", *keys], group_of)
    assert len({part.group for part in parts}) == len(parts)
    assert sorted(place for part in parts for place in part.places) == list(range(len(keys)))
    for part in parts:
        assert arguments_of(part) == [b"MGET", *part.keys]
        assert part.keys == tuple(keys[place] for place in part.places)
        assert {group_of(key) for key in part.keys} == {part.group}


@given(st.lists(st.tuples(words, words), min_size=1, max_size=20))
def test_values_follow_their_keys(pairs: list[tuple[bytes, bytes]]) -> None:
    parts = split(SPLITTINGS["mset"], [b"mset", *(word for pair in pairs for word in pair)], group_of)
    sent = [arguments_of(part) for part in parts]
    assert all(arguments[0] == b"mset" for arguments in sent)
    stored = [dict(zip(arguments[1::2], arguments[2::2], strict=True)) for arguments in sent]
    assert {key: value for each in stored for key, value in each.items()} == dict(pairs)


@given(st.lists(words, min_size=1, max_size=20), st.sampled_from([2, 3]))
def test_values_come_in_the_order_of_the_keys(keys: list[bytes], protocol: int) -> None:
    def answer(key: bytes) -> bytes:
        return bulk(key) if key else null(protocol)

    parts = split(SPLITTINGS["mget"], [b"MGET", *keys], group_of)
    replies = [array([answer(key) for key in part.keys]) for part in parts]
    assert merge_parts(SPLITTINGS["mget"], parts, replies) == array([answer(key) for key in keys])


@pytest.mark.parametrize("name", ["del", "unlink", "exists", "touch"])
def test_numbers_are_added(name: str) -> None:
    parts = split(SPLITTINGS[name], [name.encode(), b"a", b"b", b"c", b"a"], group_of)
    replies = [integer(len(part.keys)) for part in parts]
    assert merge_parts(SPLITTINGS[name], parts, replies) == b":4\r\n"


def test_ok_and_errors() -> None:
    parts = split(SPLITTINGS["mset"], [b"MSET", b"a", b"1", b"b", b"2"], group_of)
    assert merge_parts(SPLITTINGS["mset"], parts, [b"+OK\r\n", b"+OK\r\n"]) == b"+OK\r\n"
    assert merge_parts(SPLITTINGS["mset"], parts, [b"+OK\r\n", b"-OOM no\r\n"]) == b"-OOM no\r\n"
