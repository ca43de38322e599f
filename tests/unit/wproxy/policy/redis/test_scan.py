from __future__ import annotations

import pytest

from wproxy.policy.balance.key import slot_of
from wproxy.policy.redis.scan import BUSY_COMMANDS, MOST_LEFT, Pace, Pass, idle


def test_a_pass_goes_through_all_databases_and_picks_the_keys_of_its_slots() -> None:
    mine, other = b"a", b"b"
    running = Pass("server", {slot_of(mine): 1}, [0, 3])
    assert running.page(b"17", [mine, other]) == {(0, mine): slot_of(mine)}
    assert (running.database, running.cursor, running.complete) == (0, b"17", False)
    assert running.page(b"0", [other]) == {}
    assert (running.database, running.cursor, running.complete) == (3, b"0", False)
    assert running.page(b"0", [mine]) == {(3, mine): slot_of(mine)}
    assert running.complete
    assert running.clean


def test_an_empty_server_is_scanned_at_once() -> None:
    assert Pass("server", {1: 1}, []).clean


def test_a_pass_with_keys_left_is_not_clean() -> None:
    running = Pass("server", {1: 1}, [])
    running.unsettled((0, b"a"))
    assert running.left == {(0, b"a"): slot_of(b"a")}
    assert not running.clean
    running.left.clear()
    assert running.clean


def test_what_is_put_off_is_bounded() -> None:
    running = Pass("server", {1: 1}, [])
    for number in range(MOST_LEFT + 5):
        running.unsettled((0, b"%d" % number))
    assert len(running.left) == MOST_LEFT
    assert running.stuck


def test_with_busy_clients_it_takes_less_than_a_tenth_of_the_time() -> None:
    assert Pace().rest_s(0.0, 0.001, 0.01, BUSY_COMMANDS) == 0.0
    pace = Pace()
    assert pace.rest_s(10.0, 0.001, 0.025, BUSY_COMMANDS + 1) == pytest.approx(0.1)
    assert pace.rest_s(10.1, 0.001, 0.126, 1000) == 0.0
    assert pace.rest_s(10.2, 5.0, 0.01, 1000) == 1.0
    assert pace.rest_s(11.1, 0.001, 0.025, 0) == pytest.approx(0.1)
    assert pace.rest_s(11.2, 0.001, 0.025, 0) == 0.0
    assert idle(0)
    assert not idle(1000)
