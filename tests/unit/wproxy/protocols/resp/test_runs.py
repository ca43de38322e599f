from __future__ import annotations

from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.protocols.resp.feeding import pieces, requests_of, splits
from tests.unit.wproxy.protocols.resp.test_requests import ERRORS, near_resp
from wproxy.protocols.resp import RequestParser, arguments_of, head, match_command, pack
from wproxy.protocols.resp.runs import match_long, match_run

GET = [b"GET", b"k"]
SHORT = [
    GET,
    [b"SET", b"k", b"v"],
    [b"SETEX", b"k", b"10", b"v"],
    [b"SET", b"{a}k", b"\r\n*1\r\n$4\r\nPING\r\n", b"PX", b"10"],
    [b"GET", b""],
    [b"PEXPIREAT", b"k", b"x" * 255],
]


def by_the_loop(fed: list[bytes], limit: int) -> tuple[list[tuple[list[bytes], bytes]], str | None]:
    """Return what the parser makes of it when there is no other way than its loop."""
    with mock.patch("wproxy.protocols.resp.requests.match_run", return_value=None):
        return requests_of(fed, limit=limit)


def test_a_run_is_columns_of_commands() -> None:
    data = b"".join(map(pack, SHORT))
    run = match_run(data, 0, 99)
    assert run is not None
    assert run.whole == data
    assert run.heads == tuple(head(command[0], len(command)) for command in SHORT)
    assert run.keys == [command[1] for command in SHORT]
    assert run.raws == tuple(map(pack, SHORT))
    assert run.requests() == [(command, pack(command)) for command in SHORT]


@pytest.mark.parametrize("command", SHORT)
def test_one_command_alone(command: list[bytes]) -> None:
    data = pack(command)
    assert match_command(data) == (head(command[0], len(command)), command[1])
    assert arguments_of(data) == command
    for other in (data + b"*", data[:-1], data + data, b" " + data):
        assert match_command(other) is None


@pytest.mark.parametrize("command", [[b"PING"], [b"a"] * 6, [b"GET", b"x" * 256], [b"EXPIRETIME", b"k"]])
def test_what_is_left_to_the_loop(command: list[bytes]) -> None:
    assert match_run(pack(command) + pack(GET), 0, 9) is None
    assert match_command(pack(command)) is None


LONG = [[b"SET", b"k", b"x" * 9999], [b"SET", b"k", b"\r\n" * 2000, b"PX", b"10"], [b"APPEND", b"", b"$" * 3000]]


@pytest.mark.parametrize("command", LONG)
def test_a_long_argument_behind_the_first(command: list[bytes]) -> None:
    data = pack(command)
    start = head(command[0], len(command)), command[1]
    assert match_command(data) == start
    assert arguments_of(data) == command
    assert match_run(data, 0, 9) is None
    for other in (data + b"*", data[:-1], data + data, b" " + data, data[:-2] + b"xx"):
        assert match_command(other) is None
    found = match_long(b"xx" + data * 3 + data[:-1], 2, 9, 9999)
    assert [(each.head, each.key) for each in found] == [start] * 3
    assert [each.raw for each in found] == [data] * 3
    assert len(match_long(data * 3, 0, 2, 9999)) == 2
    assert match_long(data, 0, 9, 2999) == []


def test_long_commands_are_taken_as_they_came() -> None:
    data = pack(LONG[0])
    parser = RequestParser()
    parser.feed(data * 3 + data[:-1])
    assert parser.take_run(9) is None
    taken = parser.take_long(2)
    assert [each.raw for each in taken] == [data] * 2
    assert [each.raw for each in parser.take_long(9)] == [data]
    assert parser.take_long(9) == []
    assert parser.take(9) == []
    parser.feed(data[-1:] + data)
    assert parser.take_long(9) == []  # in the middle of a command
    assert parser.take(9) == [(LONG[0], data)] * 2
    assert parser.idle


@pytest.mark.parametrize("data", ERRORS)
def test_faults_are_no_run_and_end_one(data: bytes) -> None:
    front = pack(GET)
    assert match_run(data, 0, 9) is None
    assert match_command(data) is None
    run = match_run(front + data, 0, 9)
    assert run is not None
    assert run.whole == front


def test_a_run_is_what_stands_in_front_and_never_skips() -> None:
    whole = pack(GET)
    cut = match_run(b"xx" + whole + whole[:-1], 2, 9)
    assert cut is not None
    assert cut.whole == whole
    assert match_run(whole + b"PING\r\n" + whole, 0, 9) is None
    limited = match_run(whole * 5, 0, 2)
    assert limited is not None
    assert limited.whole == whole * 2


def test_runs_grow_while_they_are_there() -> None:
    parser = RequestParser()
    parser.feed(pack(GET) * 15)
    assert not parser.idle
    sizes = []
    while (run := parser.take_run(99)) is not None:
        sizes.append(len(run.raws))
    assert sizes == [1, 2, 4, 8]
    assert parser.idle
    parser.feed(pack(GET) * 5 + b"PING\r\n" + pack(GET))  # a try that finds something else in between: begin again
    assert parser.take_run(99) is None
    assert [arguments for arguments, _ in parser.take(99)] == [*[GET] * 5, [b"PING"], GET]
    assert parser.idle


def test_a_read_is_looked_at_without_being_fed() -> None:
    parser, data = RequestParser(), pack(GET) * 9
    runs = [parser.run_in(data, limit) for limit in (9, 9, 9, 3, 0)]
    assert [run and len(run.raws) for run in runs] == [1, 2, 4, 3, None]
    assert parser.idle
    parser.guard()
    assert parser.run_in(data, 9) is None


def test_no_run_begins_inside_a_command() -> None:
    parser = RequestParser()
    parser.feed(b"*2\r\n$3\r\nGET\r\n$13\r\n")
    assert parser.take(9) == []
    parser.feed(pack(GET)[:13] + b"\r\n" + pack(GET))
    assert parser.take_run(9) is None
    assert [arguments for arguments, _ in parser.take(9)] == [[b"GET", pack(GET)[:13]], GET]


words = st.lists(
    st.binary(max_size=12) | st.sampled_from([b"\r\n", b"$1\r\nk\r\n", b"x" * 254, b"x" * 256]), max_size=6
)
commands = words.filter(bool).map(pack) | st.sampled_from([pack(GET), pack(GET) * 3, b"PING\r\n"])
streams = st.lists(commands | near_resp | st.binary(max_size=3), max_size=8).map(b"".join)


@settings(max_examples=400)
@given(streams, splits, st.integers(min_value=1, max_value=9))
def test_the_expression_and_the_loop_agree(data: bytes, at: list[int], limit: int) -> None:
    assert requests_of(pieces(data, at), limit=limit) == by_the_loop([data], limit)


@settings(max_examples=400)
@given(streams, st.integers(min_value=1, max_value=9))
def test_long_commands_and_the_loop_agree(data: bytes, limit: int) -> None:
    expected, _ = by_the_loop([data], 9)
    expected = [request for request in expected if request[1] in data]  # inline ones are made anew
    for each, (arguments, raw) in zip(match_long(data, 0, limit, 10**9), expected, strict=False):
        assert (each.head, each.key, bytes(each.raw)) == (head(arguments[0], len(arguments)), arguments[1], raw)


@settings(max_examples=400)
@given(streams)
def test_what_is_one_command_is_one_to_the_loop(data: bytes) -> None:
    command = match_command(data)
    if command is not None:
        (((arguments, raw),), error) = by_the_loop([data], 9)
        assert (raw, error) == (data, None)
        assert command == (head(arguments[0], len(arguments)), arguments[1])
        assert arguments_of(data) == arguments
