"""The contiguous prefix, against a model of what the broker does with acknowledgements."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.broker.acks import AckTracker


def tracker(count: int) -> AckTracker:
    made = AckTracker()
    for tag in range(1, count + 1):
        made.delivered(tag)
    return made


def test_nothing_is_acknowledged_past_a_delivery_in_hand() -> None:
    acks = tracker(3)
    acks.written(2)
    acks.written(3)
    assert acks.take_prefix() is None
    acks.written(1)
    assert acks.take_prefix() == (3, 3)
    assert len(acks) == 0


def test_a_rejected_tag_is_never_the_one_that_is_named() -> None:
    acks = tracker(3)
    acks.written(1)
    acks.rejected(2)
    assert acks.take_prefix() == (1, 1)
    assert len(acks) == 1


def test_a_rejected_tag_does_not_hold_up_those_behind_it() -> None:
    acks = tracker(3)
    acks.rejected(1)
    acks.written(2)
    assert acks.take_prefix() == (2, 1)


class BrokerModel:
    """RabbitMQ's side of a channel: outstanding tags, and an error for an acknowledgement of any other."""

    def __init__(self) -> None:
        self.outstanding: list[int] = []
        self.acked: set[int] = set()

    def acknowledge(self, tag: int) -> int:
        assert tag in self.outstanding, "RabbitMQ would close the channel: unknown delivery tag"
        covered = [other for other in self.outstanding if other <= tag]
        self.outstanding = [other for other in self.outstanding if other > tag]
        self.acked.update(covered)
        return len(covered)


@given(data=st.data(), count=st.integers(1, 12))
def test_exactly_what_was_written_is_acknowledged_in_whatever_order(data: st.DataObject, count: int) -> None:
    acks, broker = AckTracker(), BrokerModel()
    in_hand: list[int] = []
    written: set[int] = set()
    delivered = 0
    while delivered < count or in_hand:
        step = data.draw(st.sampled_from(["deliver"] * (delivered < count) + ["write", "reject"] * bool(in_hand)))
        if step == "deliver":
            delivered += 1
            acks.delivered(delivered)
            broker.outstanding.append(delivered)
            in_hand.append(delivered)
            continue
        tag = data.draw(st.sampled_from(in_hand))
        in_hand.remove(tag)
        if step == "write":
            acks.written(tag)
            written.add(tag)
        else:
            acks.rejected(tag)
            broker.outstanding.remove(tag)
        if data.draw(st.booleans()):
            flush(acks, broker)
        assert broker.acked <= written
        assert set(in_hand) <= set(broker.outstanding)
    flush(acks, broker)
    assert broker.acked == written
    assert not broker.outstanding
    assert len(acks) == 0


def flush(acks: AckTracker, broker: BrokerModel) -> None:
    prefix = acks.take_prefix()
    if prefix is not None:
        tag, covered = prefix
        assert broker.acknowledge(tag) == covered
