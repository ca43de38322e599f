"""mode redis, balance key under `nbthread 2`: the live tests of moving keys that most depend on who serves a slot."""

from __future__ import annotations

import pytest

from tests.integration.test_redis_epoch_sessions import (
    around,
    test_transactions_count_each_increment_once,
    test_what_is_pushed_is_popped_once_by_those_who_wait,
)
from tests.integration.test_redis_epochs import (
    test_a_dead_old_owner_keeps_its_epoch_open_and_its_keys_say_so,
    test_del_server_is_refused_while_keys_are_left,
    test_every_answer_is_one_redis_while_weights_change,
    test_keys_of_other_databases_move_too,
    test_servers_that_stand_still_hold_up_moves_and_nothing_else,
    test_slots_that_went_away_and_came_back_before_the_stop_are_looked_for_there,
    test_the_command_line_tells_of_it,
    test_weights_that_were_changed_in_the_file_lose_no_key,
    test_what_one_process_has_not_finished_the_next_takes_up,
)
from tests.support import proxies

pytestmark = pytest.mark.once

__all__ = [
    "around",
    "test_a_dead_old_owner_keeps_its_epoch_open_and_its_keys_say_so",
    "test_del_server_is_refused_while_keys_are_left",
    "test_every_answer_is_one_redis_while_weights_change",
    "test_keys_of_other_databases_move_too",
    "test_servers_that_stand_still_hold_up_moves_and_nothing_else",
    "test_slots_that_went_away_and_came_back_before_the_stop_are_looked_for_there",
    "test_the_command_line_tells_of_it",
    "test_transactions_count_each_increment_once",
    "test_weights_that_were_changed_in_the_file_lose_no_key",
    "test_what_is_pushed_is_popped_once_by_those_who_wait",
    "test_what_one_process_has_not_finished_the_next_takes_up",
]


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = proxies.CONFIGURATION.replace("global\n", "global\n    nbthread 2\n", 1)
    monkeypatch.setattr(proxies, "CONFIGURATION", text)
