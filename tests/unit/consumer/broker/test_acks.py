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


def test_what_the_dead_letters_have_is_acknowledged_and_not_counted_as_written() -> None:
    acks = tracker(3)
    acks.written(1)
    acks.buried(2)
    assert acks.take_prefix() == (2, 1)
    assert len(acks) == 1


def test_a_dead_letter_alone_is_acknowledged_too() -> None:
    acks = tracker(2)
    acks.buried(1)
    assert acks.take_prefix() == (1, 0)


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
def test_exactly_what_was_settled_is_acknowledged_in_whatever_order(data: st.DataObject, count: int) -> None:
    acks, broker = AckTracker(), BrokerModel()
    in_hand: list[int] = []
    written: set[int] = set()
    buried: set[int] = set()
    counted = 0
    delivered = 0
    while delivered < count or in_hand:
        step = data.draw(st.sampled_from(["deliver"] * (delivered < count) + ["write", "bury"] * bool(in_hand)))
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
            acks.buried(tag)
            buried.add(tag)
        if data.draw(st.booleans()):
            counted += flush(acks, broker)
        assert broker.acked <= written | buried
        assert set(in_hand) <= set(broker.outstanding)
    counted += flush(acks, broker)
    assert broker.acked == written | buried
    assert counted == len(written)
    assert not broker.outstanding
    assert len(acks) == 0


def flush(acks: AckTracker, broker: BrokerModel) -> int:
    """Acknowledge what can be; return how many written deliveries that were."""
    prefix = acks.take_prefix()
    if prefix is None:
        return 0
    tag, written = prefix
    assert broker.acknowledge(tag) >= written
    return written
