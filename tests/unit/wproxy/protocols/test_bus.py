from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.protocols import bus
from wproxy.protocols.bus import BusError, Kind, Message, Outbox, Reader, encode

MESSAGES = st.lists(
    st.tuples(st.sampled_from(Kind), st.recursive(st.none() | st.integers(-9, 9) | st.text(), st.lists, max_leaves=5)),
    max_size=6,
)


@given(MESSAGES, st.integers(1, 9))
def test_messages_come_out_as_they_went_in_however_it_is_cut(sent: list[tuple[Kind, object]], size: int) -> None:
    stream = b"".join(encode(kind, body) for kind, body in sent)
    reader = Reader()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert [message for piece in pieces for message in reader.feed(piece)] == [Message(*each) for each in sent]


def test_what_is_no_message_is_an_error() -> None:
    for text in (b"x", b"[1]", b'["no kind",1]', b'["done"]', b"{}"):
        with pytest.raises(BusError):
            list(Reader().feed(len(text).to_bytes(4, "big") + text))
    with pytest.raises(BusError, match="too long"):
        list(Reader().feed(b"\xff\xff\xff\xff"))


def test_nothing_too_long_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "LONGEST", 20)
    with pytest.raises(BusError, match="too long"):
        encode(Kind.TALLY, "x" * 20)


def taken(outbox: Outbox) -> object:
    message = outbox.take()
    return None if message is None else next(Reader().feed(message)).body


def test_a_worker_that_is_behind_gets_the_last_record_of_each_key() -> None:
    outbox = Outbox()
    assert outbox.take() is None
    outbox.put(1, {"a": 1, "b": 1})
    outbox.put(2, {"a": 2})
    outbox.put(3, {"c": 3})
    assert taken(outbox) == {"number": 3, "records": {"a": 2, "b": 1, "c": 3}}
    assert outbox.take() is None


def test_it_is_settled_when_the_newest_has_been_confirmed() -> None:
    outbox = Outbox()
    assert outbox.settled
    outbox.put(5, {"a": 1})
    outbox.take()
    assert not outbox.settled
    outbox.confirmed = 4
    assert not outbox.settled
    outbox.confirmed = 5
    assert outbox.settled
