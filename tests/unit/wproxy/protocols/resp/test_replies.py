from __future__ import annotations

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.protocols.resp.feeding import cuts, pieces, replies_of, splits
from wproxy.protocols.resp import ReplySplitter
from wproxy.protocols.resp.replies import ReplyError

REPLIES = {
    "ok": b"+OK\r\n",
    "simple string": b"+PONG\r\n",
    "empty simple string": b"+\r\n",
    "error": b"-ERR no such key\r\n",
    "integer": b":-12\r\n",
    "bulk": b"$3\r\nabc\r\n",
    "empty bulk": b"$0\r\n\r\n",
    "bulk with CRLF": b"$6\r\n\r\n+OK\r\r\n",
    "null bulk": b"$-1\r\n",
    "null array": b"*-1\r\n",
    "null": b"_\r\n",
    "double": b",1.10\r\n",
    "infinity": b",inf\r\n",
    "boolean": b"#t\r\n",
    "big number": b"(3492890328409238509324850943850943825024385\r\n",
    "bulk error": b"!21\r\nSYNTAX invalid syntax\r\n",
    "verbatim": b"=8\r\ntxt:some\r\n",
    "array": b"*2\r\n:1\r\n$1\r\nx\r\n",
    "empty array": b"*0\r\n",
    "set": b"~2\r\n+a\r\n+b\r\n",
    "map": b"%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n",
    "empty map": b"%0\r\n",
    "attribute": b"|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n",
    "attribute inside": b"*2\r\n|1\r\n+k\r\n:1\r\n:2\r\n:3\r\n",
    "attribute of an attribute": b"|1\r\n+k\r\n|1\r\n+l\r\n:0\r\n:1\r\n:2\r\n",
    "nested": b"*3\r\n*2\r\n*-1\r\n$-1\r\n%1\r\n+k\r\n~1\r\n_\r\n*0\r\n",
    "ok inside": b"*2\r\n+OK\r\n+OK\r\n",
    "1,000 deep": b"*1\r\n" * 1000 + b":1\r\n",
    "1,000 wide": b"*1000\r\n" + b":1\r\n" * 1000,
    "64 kB": b"$70000\r\n" + b"x" * 70_000 + b"\r\n",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_any_split_yields_the_same_replies(reply: bytes) -> None:
    for fed in cuts(reply + b"+OK\r\n" + reply):
        assert replies_of(fed) == ([reply, b"+OK\r\n", reply], [], None)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_nothing_comes_before_the_end(reply: bytes) -> None:
    for fed in cuts(reply[:-1]):
        assert replies_of(fed) == ([], [], None)


def test_pushes_are_told_apart() -> None:
    push = b">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n"
    for fed in cuts(b"+OK\r\n" + push + b":1\r\n" + push):
        assert replies_of(fed) == ([b"+OK\r\n", b":1\r\n"], [push, push], None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\r\n", "a reply that begins with"),
        (b"x\r\n", "a reply that begins with b'x'"),
        (b"*1\r\n?\r\n", "a reply that begins with b'?'"),
        (b"$abc\r\n", "a length of b'abc'"),
        (b"$\r\n", "a length of b''"),
        (b"$-2\r\n", "a length of b'-2'"),
        (b"$+1\r\nx\r\n", r"a length of b'+1'"),
        (b"$?\r\n", "a length of b'?'"),
        (b"*x\r\n", "a length of b'x'"),
        (b"$" + b"1" * 5000 + b"\r\n", "a length of b'11111"),
    ],
)
def test_what_is_no_reply(data: bytes, expected: str) -> None:
    for fed in cuts(b"+OK\r\n" + data):
        replies, pushes, error = replies_of(fed)
        assert (error or "").startswith(expected)
        assert not pushes
        # An error in the same read as replies takes them along: the link is broken off either way.
        assert replies in ([], [b"+OK\r\n"])


def test_a_line_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wproxy.protocols.resp.replies._LONGEST_LINE", 1000)
    assert replies_of([b"+" + b"x" * 999]) == ([], [], None)
    assert replies_of([b"+" + b"x" * 1000]) == ([], [], "a line without an end")


text = st.text("ab é", max_size=5).map(str.encode)
leaves = st.one_of(
    st.builds(lambda line: b"+%b\r\n" % line, text),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b":%d\r\n" % number),
    st.binary(max_size=20).map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data)),
    st.binary(max_size=20).map(lambda data: b"=%d\r\ntxt:%b\r\n" % (len(data) + 4, data)),
    st.sampled_from([b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"#t\r\n", b"#f\r\n", b",1.5\r\n", b",-inf\r\n", b"(12\r\n"]),
)


def _aggregates(children: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    several = st.lists(children, max_size=4)
    pairs = st.lists(st.tuples(text.map(lambda line: b"+%b\r\n" % line), children).map(b"".join), max_size=3)
    return st.one_of(
        several.map(lambda items: b"*%d\r\n%b" % (len(items), b"".join(items))),
        # hiredis makes a Python set of it, whose members must be hashable.
        st.lists(leaves, max_size=4).map(lambda items: b"~%d\r\n%b" % (len(items), b"".join(items))),
        pairs.map(lambda items: b"%%%d\r\n%b" % (len(items), b"".join(items))),
    )


replies = st.recursive(leaves, _aggregates, max_leaves=20)


@settings(max_examples=200)
@given(st.lists(replies | st.just(b"+OK\r\n"), max_size=8), splits)
def test_replies_of_any_shape_come_back_raw(expected: list[bytes], at: list[int]) -> None:
    data = b"".join(expected)
    assert replies_of(pieces(data, at)) == (expected, [], None)
    reader = hiredis.Reader(replyError=ValueError)
    reader.feed(data)
    for _ in expected:
        reader.gets()
    assert not reader.has_data()


@given(st.binary(max_size=60), splits)
def test_garbage_gives_replies_or_a_reply_error(data: bytes, at: list[int]) -> None:
    whole, _, error = replies_of([data])
    split, _, split_error = replies_of(pieces(data, at))
    assert split_error == error
    assert split[: len(whole)] == whole


@pytest.mark.timeout(30)  # joining the reply again in every turn would take a minute
def test_the_time_a_long_reply_takes_grows_with_its_length() -> None:
    data = b"*40000\r\n" + (b"$1000\r\n" + b"x" * 1000 + b"\r\n") * 40_000
    assert replies_of([data[at : at + 8192] for at in range(0, len(data), 8192)]) == ([data], [], None)


def test_where_the_fault_stands() -> None:
    splitter = ReplySplitter()
    with pytest.raises(ReplyError):
        splitter.split(b"+OK\r\n*2\r\n:1\r\n?what\r\n")
    assert splitter.around(100) == (b"+OK\r\n*2\r\n:1\r\n?what\r\n", 13, 0)
    assert splitter.around(8) == (b"\r\n:1\r\n?what\r\n"[2:10], 13, 9)
