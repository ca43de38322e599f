from __future__ import annotations

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.protocols.resp.feeding import cuts, pieces, requests_of, splits
from wproxy.protocols.resp import Limits, RequestError, RequestParser, pack

COMMANDS = {
    "1 argument": [[b"PING"]],
    "2 arguments": [[b"GET", b"k"]],
    "3 arguments": [[b"SET", b"k", b"v"]],
    "4 arguments": [[b"SETEX", b"k", b"10", b"v"]],
    "5 arguments": [[b"SET", b"k", b"v", b"PX", b"10"]],
    "6 arguments": [[b"MSET", b"a", b"1", b"b", b"2", b"c"]],
    "7 arguments": [[b"MSET", b"a", b"1", b"b", b"2", b"c", b"3"]],
    "empty arguments": [[b"SET", b"", b""], [b""], [b"", b"", b"", b"", b"", b"", b""]],
    "CR and LF inside": [[b"SET", b"\r\n", b"a\r\nb"], [b"SET", b"k", b"\r"], [b"SET", b"\n", b"v"], [b"\r\n" * 600]],
    "looks like RESP inside": [[b"SET", b"k", b"*1\r\n$4\r\nPING\r\n"], [b"SET", b"$1", b"*2"]],
    "1024 bytes and one more": [[b"SET", b"k", b"x" * 1024], [b"SET", b"k", b"x" * 1025], [b"GET", b"y" * 9999]],
    "64 kB": [[b"SET", b"k", b"x" * 70_000], [b"GET", b"k"]],
    "a pipeline": [[b"GET", b"%d" % number] for number in range(30)],
    "short and long in turn": [[b"GET", b"k"], [b"MGET", *(b"abcdefg")[:7].split()], [b"SET", b"k", b"\r"], [b"PING"]],
}


@pytest.mark.parametrize("commands", COMMANDS.values(), ids=COMMANDS)
def test_any_split_yields_the_same_commands(commands: list[list[bytes]]) -> None:
    data = b"".join(map(pack, commands))
    for fed in cuts(data):
        requests, error = requests_of(fed)
        assert error is None
        assert [arguments for arguments, _ in requests] == commands
        assert b"".join(raw for _, raw in requests) == data


@pytest.mark.parametrize("trailing", [b"*", b"*3\r\n", b"*2\r\n$3\r\nGET\r\n$1\r", b"*1\r\n$5\r\nab", b"GET k", b"$"])
def test_trailing_bytes_wait_for_the_rest(trailing: bytes) -> None:
    whole = pack([b"GET", b"k"])
    for fed in cuts(whole + trailing):
        assert requests_of(fed) == ([([b"GET", b"k"], whole)], None)


INLINE = {
    "GET k\r\n": [[b"GET", b"k"]],
    "GET k\n": [[b"GET", b"k"]],
    "  GET \t k  \r\n": [[b"GET", b"k"]],
    "\r\n\n  \r\nPING\r\n": [[b"PING"]],
    'SET k "a b\\x41\\n"\r\nPING\r\n': [[b"SET", b"k", b"a bA\n"], [b"PING"]],
    "SET k ''\r\n": [[b"SET", b"k", b""]],
    "*0\r\n*-10\r\n*-1\r\nPING\r\n": [[b"PING"]],
    "*1\r\n$4\r\nPING\r\nGET k\r\n*1\r\n$4\r\nPING\r\n": [[b"PING"], [b"GET", b"k"], [b"PING"]],
}


@pytest.mark.parametrize(("text", "expected"), INLINE.items(), ids=map(repr, INLINE))
def test_inline_commands_are_packed(text: str, expected: list[list[bytes]]) -> None:
    for fed in cuts(text.encode()):
        assert requests_of(fed) == ([(arguments, pack(arguments)) for arguments in expected], None)


# What redis-server 7.0 answers, behind "Protocol error: "; tests/conformance/test_resp.py asks it.
ERRORS = {
    b"*2147483648\r\n": "invalid multibulk length",
    b"*1048577\r\n": "invalid multibulk length",
    b"*3abc\r\n": "invalid multibulk length",
    b"*\r\n": "invalid multibulk length",
    b"* 3\r\n": "invalid multibulk length",
    b"*+3\r\n": "invalid multibulk length",
    b"*03\r\n": "invalid multibulk length",
    b"*-0\r\n": "invalid multibulk length",
    b"*99999999999999999999\r\n": "invalid multibulk length",
    b"*1\r\n$-1\r\n": "invalid bulk length",
    b"*1\r\n$536870913\r\n": "invalid bulk length",
    b"*1\r\n$+3\r\n": "invalid bulk length",
    b"*1\r\n$-0\r\n\r\n": "invalid bulk length",
    b"*1\r\n$03\r\nabc\r\n": "invalid bulk length",
    b"*1\r\n$\r\n": "invalid bulk length",
    b"*2\r\n$3\r\nGET\r\n:1\r\n": "expected '$', got ':'",
    b"*1\r\n*1\r\n": "expected '$', got '*'",
    b"*1\r\n\xff\r\n": "expected '$', got 'ÿ'",
    b'SET k "a\r\n': "unbalanced quotes in request",
    b"SET k 'a'b\r\n": "unbalanced quotes in request",
    b"POST / HTTP/1.1\r\n": "this is HTTP",
    b"Host: localhost\r\n": "this is HTTP",
    # Redis skips the two bytes unseen; here they would shift other clients' streams.
    b"*2\r\n$3\r\nGETxx$1\r\nk\r\n": "expected CRLF after bulk payload",
    b"*1\r\n$1\r\nab\r\n": "expected CRLF after bulk payload",
    b"*1\r\n$4\r\nPING\r*": "expected CRLF after bulk payload",
    b"*1\r\n$3\r\nPING\r\n": "expected CRLF after bulk payload",
    b"*2\r\n$3\r\nGET\r\n$2\r\nk\r\n\r\n": "expected CRLF after bulk payload",
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nv\r\n\r\n": "expected CRLF after bulk payload",
    b"*4\r\n$1\r\na\r\n$1\r\na\r\n$1\r\na\r\n$2\r\na\r\n\r\n": "expected CRLF after bulk payload",
}


@pytest.mark.parametrize(("data", "expected"), ERRORS.items(), ids=map(repr, ERRORS))
def test_errors_come_after_the_commands_in_front_of_them(data: bytes, expected: str) -> None:
    front = pack([b"GET", b"k"]) + b"PING\r\n"
    for fed in cuts(front + data):
        requests, error = requests_of(fed)
        assert [arguments for arguments, _ in requests] == [[b"GET", b"k"], [b"PING"]]
        assert error == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"*" + b"1" * 70_000, "too big mbulk count string"),
        (b"*1\r\n$" + b"1" * 70_000, "too big bulk count string"),
        (b"x" * 70_000, "too big inline request"),
    ],
)
def test_lines_have_a_bound(data: bytes, expected: str) -> None:
    assert requests_of([data]) == ([], expected)
    assert requests_of([data + b"\r\n"]) == ([], expected)
    assert requests_of([data[at : at + 10_000] for at in range(0, 70_000, 10_000)]) == ([], expected)


@pytest.mark.parametrize(
    ("data", "accepted"),
    [
        (b"*1\r\n$1\r\nx\r\n", True),
        (b"*00\r\n", False),
        (b"abcd\n", True),
        (b"abcde\n", False),
        (b"*1\r\n$9\r\n" + b"x" * 9 + b"\r\n", True),
        (b"*1\r\n$10\r\n", False),
        (b"*3\r\n", False),
        (b"*2\r\n$1\r\nx\r\n$1\r\nx\r\n", True),
        (b"*111\r\n", False),
    ],
)
def test_limits_are_the_callers_and_hold_at_any_split(data: bytes, accepted: bool) -> None:
    limits = Limits(arguments=2, bulk_bytes=9, line_bytes=4)
    outcomes = [requests_of(fed, limits) for fed in cuts(data)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert (outcomes[0][1] is None) == accepted
    assert len(outcomes[0][0]) == accepted


def test_an_error_is_final() -> None:
    parser = RequestParser()
    parser.feed(b"PING\r\n*x\r\n")
    assert [arguments for arguments, _ in parser.take(9)] == [[b"PING"]]
    for _ in range(2):
        parser.feed(pack([b"PING"]))
        with pytest.raises(RequestError, match="invalid multibulk length"):
            parser.take(9)


def test_buffered_counts_what_belongs_to_no_command_taken() -> None:
    parser = RequestParser()
    assert parser.buffered == 0
    command = pack([b"GET", b"k"])
    parser.feed(command * 3 + b"*1")
    assert parser.buffered == 3 * len(command) + 2
    assert len(parser.take(2)) == 2
    assert parser.buffered == len(command) + 2
    parser.feed(b"\r\n$4\r\nPI")
    assert len(parser.take(9)) == 1
    assert parser.buffered == len(b"*1\r\n$4\r\nPI")
    assert parser.take(9) == []
    parser.feed(b"NG\r\n")
    assert [arguments for arguments, _ in parser.take(9)] == [[b"PING"]]
    assert parser.buffered == 0


def test_nothing_is_parsed_again_while_a_long_value_comes() -> None:
    parser = RequestParser()
    parser.feed(b"*1\r\n$1000\r\n")
    for _ in range(10):
        assert parser.take(1) == []
        parser.feed(b"x" * 100)
    assert parser.take(1) == []
    parser.feed(b"\r\n")
    assert [arguments for arguments, _ in parser.take(1)] == [[b"x" * 1000]]


arguments = st.lists(st.binary(max_size=40) | st.just(b"y" * 1030), min_size=1, max_size=8)
commands = st.lists(arguments, max_size=12)


@given(commands, splits, st.integers(min_value=1, max_value=13))
def test_packed_commands_come_back(expected: list[list[bytes]], at: list[int], limit: int) -> None:
    data = b"".join(map(pack, expected))
    requests, error = requests_of(pieces(data, at), limit=limit)
    assert error is None
    assert [arguments for arguments, _ in requests] == expected
    assert b"".join(raw for _, raw in requests) == data
    assert [_decoded(raw) for _, raw in requests] == expected


def _decoded(raw: bytes) -> object:
    reader = hiredis.Reader()
    reader.feed(raw)
    return reader.gets()


fragments = st.sampled_from(
    [b"*", b"$", b"\r\n", b"\r", b"\n", b"0", b"1", b"2", b"3", b"-", b"+", b"GET", b"k", b'"', b"'", b"\\", b" ", b":"]
)
near_resp = st.lists(fragments | st.binary(max_size=3), max_size=24).map(b"".join)


@settings(max_examples=300)
@given(near_resp | st.binary(max_size=60), splits, st.integers(min_value=1, max_value=5))
def test_garbage_gives_commands_or_a_request_error_at_any_split(data: bytes, at: list[int], limit: int) -> None:
    whole = requests_of([data])
    assert requests_of(pieces(data, at), limit=limit) == whole
    for arguments, raw in whole[0]:
        assert raw == pack(arguments)
        assert arguments


@given(st.integers(min_value=0, max_value=12))
def test_take_honours_its_limit(limit: int) -> None:
    parser = RequestParser()
    parser.feed((pack([b"PING"]) + b"PING\r\n") * 5)
    assert len(parser.take(limit)) == min(limit, 10)
    assert len(parser.take(99)) == 10 - min(limit, 10)


@pytest.mark.timeout(30)  # joining the command again in every turn would take a minute
def test_the_time_a_long_command_takes_grows_with_its_length() -> None:
    expected = [b"MSET", *[b"x" * 1000] * 40_000]
    data = pack(expected)
    parser, taken = RequestParser(), []
    for at in range(0, len(data), 8192):
        parser.feed(data[at : at + 8192])
        assert parser.buffered == min(at + 8192, len(data))
        taken += parser.take(9)
    assert taken == [(expected, data)]


def refuses(parser: RequestParser, piece: bytes) -> bool:
    """Tell whether `parser` raises when it is fed `piece`."""
    parser.feed(piece)
    try:
        parser.take(9)
    except RequestError:
        return True
    return False


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n!3\r\nabc\r\n", 20),
        (b"*1x\r\n$4\r\nPING\r\n", 0),
        (b"*2\r\n$3\r\nGET\r\n$-5\r\n", 13),
        (b"GET 'open\r\n", 0),
    ],
)
def test_where_the_fault_stands_in_any_split(data: bytes, position: int) -> None:
    for fed in cuts(data):
        parser = RequestParser()
        parser.feed(pack([b"PING"]))
        assert parser.take(1)
        assert any(refuses(parser, piece) for piece in fed)
        around, at, first = parser.around(100)
        assert (at, first) == (position, 0)
        assert data.startswith(around)
        assert len(around) > position
        assert parser.begun in (b"", b"SET", b"GET")
        assert parser.around(8) == (around[max(position - 4, 0) :][:8], position, max(position - 4, 0))


def test_what_surrounds_a_fault_is_bounded_and_in_the_middle_of_much() -> None:
    parser = RequestParser()
    for piece in (b"*3\r\n$3\r\nSET\r\n$100000\r\n", b"a" * 60_000, b"a" * 40_000 + b"\r\n", b"oops" + b"b" * 50_000):
        parser.feed(piece)
        if not piece.startswith(b"oops"):
            assert parser.take(9) == []
    with pytest.raises(RequestError):
        parser.take(9)
    parser.feed(b"c" * 50_000)
    around, position, first = parser.around(1000)
    assert (len(around), position - first) == (1000, 500)
    assert around[500:505] == b"oopsb"
    assert position == 13 + 9 + 100_000 + 2


GUARDED = {
    b"*11\r\n": "unauthenticated multibulk length",
    b"*2000000\r\n": "unauthenticated multibulk length",
    b"*2147483648\r\n": "invalid multibulk length",
    b"*1\r\n$16385\r\n": "unauthenticated bulk length",
    b"*1\r\n$536870913\r\n": "invalid bulk length",
}


@pytest.mark.parametrize(("data", "expected"), GUARDED.items(), ids=map(repr, GUARDED))
def test_before_the_login_commands_are_small(data: bytes, expected: str) -> None:
    parser = RequestParser()
    parser.guard()
    parser.feed(data)
    with pytest.raises(RequestError, match=expected):
        parser.take(9)


def test_before_the_login_one_command_is_taken_at_a_time() -> None:
    parser, raw = RequestParser(), pack([b"PING"])
    parser.guard()
    parser.feed(raw * 3 + pack([b"DEL"] * 20))
    assert parser.take_run(9) is None
    assert parser.take(9) == [([b"PING"], raw)]
    parser.guarded = False
    assert [len(arguments) for arguments, _ in parser.take(9)] == [1, 1, 20]


def test_who_is_shut_out_again_does_not_finish_a_big_command() -> None:
    parser = RequestParser()
    parser.feed(b"*11\r\n$1\r\na\r\n")
    assert parser.take(9) == []
    parser.guard()
    with pytest.raises(RequestError, match="unauthenticated multibulk length"):
        parser.take(9)


def test_what_came_behind_a_fault_surrounds_it_too() -> None:
    parser = RequestParser()
    parser.feed(b"*1x\r\n")
    with pytest.raises(RequestError):
        parser.take(1)
    parser.feed(b"more")
    parser.feed(b"and more")
    assert parser.around(100) == (b"*1x\r\nmoreand more", 0, 0)
    assert parser.around(7) == (b"*1x\r\nmo", 0, 0)
