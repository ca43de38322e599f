from __future__ import annotations

import pytest

from wproxy.state.hotkeys import Wish
from wproxy.state.redis_view import RedisView, all_seen, learn_all
from wproxy.state.slowlog import SlowCommand
from wproxy.state.tail import TailWish

SLOW = SlowCommand(1.0, 20_000, "192.0.2.1:5000", "a", 1, '"get" "k"')
WISH = Wish(100.0, 110.0, 5)


class Watched(RedisView):
    """A view, and how often somebody was told that it wants something else."""

    def __init__(self) -> None:
        super().__init__(None, 128)
        self.changes = 0
        self.on_change = self._count

    def _count(self) -> None:
        self.changes += 1


@pytest.fixture
def view() -> Watched:
    return Watched()


def test_a_threshold_may_change(view: Watched) -> None:
    view.set_slowlog(10_000, 128)
    view.set_slowlog(10_000, 5)  # nobody has to look otherwise
    assert (view.slowlog.slower_us, view.slowlog.most, view.changes) == (10_000, 5, 1)


def test_keys_are_counted_for_a_time(view: Watched) -> None:
    assert not view.counts_keys(100.0)
    view.stop_counting(100.0)
    view.count_keys(WISH)
    assert view.counts_keys(109.0)
    assert not view.counts_keys(110.0)
    view.stop_counting(105.0)
    view.stop_counting(106.0)
    assert view.hotkeys is not None
    assert (view.hotkeys.wish.until, view.changes) == (105.0, 2)


def test_tails_come_and_go(view: Watched) -> None:
    tail = view.tail("x", TailWish(110.0), 100.0)
    assert view.tail("x", TailWish(110.0), 101.0) is tail
    view.tail("y", TailWish(120.0), 100.0)
    view.expire(115.0)
    assert [*view.tails] == ["y"]
    view.end_tail("y")
    view.end_tail("y")
    assert (view.tails, view.changes) == ({}, 4)


def test_workers_wish_what_the_supervisor_does(view: Watched) -> None:
    worker = Watched()
    worker.follow(view.wishes())
    assert worker.changes == 0
    view.set_slowlog(5_000, 10)
    view.count_keys(WISH)
    worker.follow(view.wishes())
    worker.follow(view.wishes())
    assert worker.wishes() == view.wishes() == [5_000, 10, [100.0, 110.0, 5]]
    assert worker.changes == 2
    keys = worker.hotkeys
    view.stop_counting(105.0)
    worker.follow(view.wishes())
    assert worker.hotkeys is keys  # what was counted stays
    assert not worker.counts_keys(105.0)


def test_what_workers_have_seen_comes_together(view: Watched) -> None:
    workers = [Watched(), Watched()]
    view.count_keys(WISH)
    for number, worker in enumerate(workers, 1):
        worker.follow(view.wishes())
        worker.slowlog.keep(SLOW._replace(at=float(number)))
        assert worker.hotkeys is not None
        worker.hotkeys.take([b"k"], [1])
        learn_all({"back": view, "web": None}, number, all_seen({"back": worker, "web": None}))
    assert [each.at for each in view.slowlog.newest()] == [2.0, 1.0]
    assert view.hotkeys is not None
    assert view.hotkeys.hottest(105.0)[1][0].times == 2
    learn_all({}, 1, {"gone": None})


def test_nothing_is_told_of_keys_that_nobody_counts(view: Watched) -> None:
    assert view.seen() == [[0, []], None]
    view.learn(1, view.seen())
    assert view.hotkeys is None
    RedisView(None, 1).count_keys(WISH)  # with nobody to look
