from __future__ import annotations

from wproxy.state.slowlog import SlowCommand, SlowLog


def slow(at: float, commands: int = 1) -> SlowCommand:
    return SlowCommand(at, 20_000, "192.0.2.1:5000", "a", commands, '"get" "k"')


def test_the_last_ones_are_kept_and_all_are_counted() -> None:
    log = SlowLog(10_000, 2)
    for at in (1.0, 2.0, 3.0):
        log.keep(slow(at, 2))
    assert log.newest() == [slow(3.0, 2), slow(2.0, 2)]
    assert log.ever == 6
    log.clear()
    assert (log.newest(), log.ever) == ([], 6)


def test_it_may_grow_and_shrink() -> None:
    log = SlowLog(None, 3)
    for at in (1.0, 2.0, 3.0):
        log.keep(slow(at))
    log.resize(1)
    assert log.newest() == [slow(3.0)]
    log.resize(5)
    assert (log.most, log.newest()) == (5, [slow(3.0)])


def test_what_several_processes_tell_is_one_log() -> None:
    whole, one, other = SlowLog(1, 3), SlowLog(1, 3), SlowLog(1, 3)
    one.keep(slow(1.0))
    one.keep(slow(4.0))
    other.keep(slow(2.0))
    other.keep(slow(3.0, 5))
    whole.learn(other.take())
    whole.learn(one.take())
    assert [each.at for each in whole.newest()] == [4.0, 3.0, 2.0]
    assert whole.ever == 8
    assert one.take() == [0, []]
