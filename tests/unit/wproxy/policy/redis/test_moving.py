from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from wproxy.policy.redis.actions import Action, Ask, Delete, Done, Key, Move, Outcome, Refuse, Send
from wproxy.policy.redis.moving import MovingSlot

X, Y = (0, b"x"), (0, b"y")
LIMIT_BYTES = 100


@dataclass(eq=False)
class Asked:
    keys: tuple[Key, ...]


def moving(*older: str, owner: str = "new", known: bool = True) -> MovingSlot:
    """A slot that `older` had before its owner, the newest first."""
    chain = [*reversed(older), owner]
    slot = MovingSlot(1, chain[0], LIMIT_BYTES, known=known)
    for before, after in pairwise(chain):
        assert slot.change(after) == {before}
        assert slot.fenced(before) == []
    assert (slot.owner, slot.older) == (owner, older)
    return slot


def sent(actions: list[Action]) -> list[tuple[str, object]]:
    assert all(isinstance(action, Send) for action in actions)
    return [(action.server, action.command) for action in actions if isinstance(action, Send)]


def test_a_key_is_looked_for_where_it_was_last_then_newest_first_and_moved_from_where_it_is() -> None:
    slot, command = moving("c", "b", "a"), Asked((X,))
    assert slot.command(command) == [Ask(1, "a", X)]
    assert slot.asked(X, None) == [Ask(1, "c", X)]
    assert slot.asked(X, None) == [Ask(1, "b", X)]
    assert slot.asked(X, 10) == [Move(1, "b", "new", X, replace=False)]
    assert sent(slot.moved(X, Outcome.MOVED)) == [("new", command)]
    assert slot.at_home(X)
    assert sent(slot.command(command)) == [("new", command)]


def test_an_older_copy_is_deleted_and_not_moved_over_the_newer_one() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.MOVED) == [Ask(1, "b", X)]
    assert slot.asked(X, 10) == [Delete(1, "b", X)]
    assert sent(slot.deleted(X)) == [("new", command)]


def test_a_copy_that_stands_in_the_way_at_a_new_owner_is_the_older_one() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.BUSY) == [Move(1, "a", "new", X, replace=True)]
    assert sent(slot.moved(X, Outcome.MOVED)) == [("new", command)]


def test_a_copy_at_the_owner_that_was_placed_there_is_the_newer_one() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, None)
    slot.background(X)
    assert slot.asked(X, 1000) == [Move(1, "a", "new", X, replace=False)]  # however large: it is not where it was last
    assert slot.moved(X, Outcome.BUSY) == [Delete(1, "a", X)]
    assert slot.deleted(X) == [Done(1, X, settled=True)]


def test_of_two_older_copies_the_one_counts_where_the_key_was_last() -> None:
    slot, command = moving("a", owner="b"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    slot.moved(X, Outcome.MOVED)  # now it was placed on b, and a has an old copy
    slot.change("a")
    slot.fenced("b")
    slot.change("c")
    slot.fenced("a")
    assert slot.command(command) == [Ask(1, "b", X)]
    assert slot.asked(X, 10) == [Move(1, "b", "c", X, replace=False)]
    assert slot.moved(X, Outcome.MOVED) == [Ask(1, "a", X)]
    assert slot.asked(X, 10) == [Delete(1, "a", X)]


def test_a_copy_in_the_way_is_the_newer_one_where_nothing_is_known_of_the_time_before() -> None:
    slot, command = moving("a", known=False), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.BUSY) == [Delete(1, "a", X)]
    assert sent(slot.deleted(X)) == [("new", command)]


def test_a_key_that_stays_on_a_server_was_there_last() -> None:
    slot, command = moving("a", known=False), Asked((X,))
    slot.command(command)
    assert slot.asked(X, 1000) == [Send(1, "a", command, tell=True)]
    slot.replied(command)
    slot.background(X, force=True)
    assert slot.asked(X, 1000) == [Move(1, "a", "new", X, replace=False)]
    assert slot.moved(X, Outcome.BUSY) == [Move(1, "a", "new", X, replace=True)]


def test_a_key_in_doubt_is_not_settled_before_both_servers_have_been_asked_by_a_move() -> None:
    slot, command = moving("a", known=False), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    slot.change("other")
    slot.change("new")
    slot.moved(X, Outcome.DOUBT)
    assert slot.fenced("new") == [Ask(1, "a", X)]
    assert slot.asked(X, None) == [Move(1, "a", "new", X, replace=False)]
    assert sent(slot.moved(X, Outcome.ABSENT)) == [("new", command)]
    slot.background(X)
    assert slot.asked(X, None) == [Done(1, X, settled=True)]  # it is in doubt no more


def test_a_deletion_that_may_still_happen_leaves_the_key_in_doubt() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    slot.moved(X, Outcome.MOVED)
    slot.asked(X, 10)
    assert slot.away(X, "b", doubt=True) == [Refuse(1, command, "b")]
    slot.command(command)
    assert slot.asked(X, None) == [Move(1, "b", "new", X, replace=False)]
    assert slot.moved(X, Outcome.ABSENT) == [Ask(1, "a", X)]


def test_the_copy_of_a_move_in_doubt_is_the_source_s() -> None:
    slot, command = moving("a", known=False), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.DOUBT) == [Move(1, "a", "new", X, replace=False)]
    assert slot.moved(X, Outcome.BUSY) == [Move(1, "a", "new", X, replace=True)]


def test_a_move_that_broke_is_done_again_over_what_it_left_while_the_command_waits() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.DOUBT) == [Move(1, "a", "new", X, replace=False)]
    assert slot.moved(X, Outcome.BUSY) == [Move(1, "a", "new", X, replace=True)]
    assert slot.moved(X, Outcome.DOUBT) == [Refuse(1, command, "new")]
    assert slot.command(command) == [Ask(1, "a", X)]
    assert slot.asked(X, 1000) == [Move(1, "a", "new", X, replace=False)]  # however large: there may be two copies
    assert sent(slot.moved(X, Outcome.ABSENT)) == [("new", command)]


def test_commands_on_one_key_stay_in_order_and_those_on_others_pass() -> None:
    slot = moving("a")
    first, second, other = Asked((X,)), Asked((X,)), Asked((Y,))
    slot.command(first)
    assert slot.command(second) == []
    assert slot.command(other) == [Ask(1, "a", Y)]
    assert sent(slot.asked(Y, None)) == [("new", other)]
    assert sent(slot.asked(X, None)) == [("new", first), ("new", second)]


def test_several_keys_are_all_brought_together_first_whatever_their_size() -> None:
    slot, both, after = moving("a"), Asked((X, Y)), Asked((Y,))
    assert slot.command(both) == [Ask(1, "a", X), Ask(1, "a", Y)]
    assert slot.command(after) == []
    assert slot.asked(Y, None) == []
    assert slot.asked(X, 1000) == [Move(1, "a", "new", X, replace=False)]
    assert sent(slot.moved(X, Outcome.MOVED)) == [("new", both), ("new", after)]


def test_a_large_key_is_used_where_it_is_and_moves_when_nothing_is_under_way_to_it() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    assert slot.asked(X, 1000) == [Send(1, "a", command, tell=True)]
    assert slot.used == {"a"}
    assert slot.background(X) == [Done(1, X, settled=False)]
    assert slot.background(X, force=True) == []
    assert slot.command(Asked((X,))) == []
    assert slot.replied(command) == [Move(1, "a", "new", X, replace=False)]
    done, send = slot.moved(X, Outcome.MOVED)
    assert done == Done(1, X, settled=True)
    assert isinstance(send, Send)
    assert send.server == "new"


def test_what_the_owner_will_not_take_stays_for_commands_of_one_key_and_fails_those_of_several() -> None:
    slot, one, both = moving("a"), Asked((X,)), Asked((X, Y))
    slot.command(one)
    slot.command(both)
    slot.asked(Y, None)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.DENIED) == [Refuse(1, both, "new", denied=True), Send(1, "a", one, tell=True)]
    slot.background(Y)


def test_a_server_out_of_reach_fails_all_that_wait_for_the_key_and_nothing_else() -> None:
    slot, one, both, other = moving("a"), Asked((X,)), Asked((X, Y)), Asked((Y,))
    for command in (one, both, other):
        slot.command(command)
    assert slot.asked(Y, None) == []
    refused = slot.away(X, "a")
    assert refused == [Refuse(1, one, "a"), Refuse(1, both, "a"), Send(1, "new", other)]


def test_everything_waits_while_the_owner_changes_until_all_under_way_is_answered() -> None:
    slot, pinned, asking, new = moving("a"), Asked((X,)), Asked((Y,)), Asked((X,))
    slot.command(pinned)
    slot.asked(X, 1000)
    slot.command(asking)
    assert slot.change("newest") == {"new", "a"}
    assert slot.change("other") == set()
    assert slot.holding
    assert slot.command(new) == []
    assert slot.fenced("new") == []
    assert slot.replied(pinned) == []
    assert slot.fenced("a") == []
    assert slot.asked(Y, None) == [Ask(1, "a", X), Ask(1, "a", Y)]
    assert (slot.owner, slot.older) == ("other", ("new", "a"))


def test_a_slot_that_goes_back_has_no_older_copy_at_its_owner() -> None:
    slot = moving("b", owner="a")
    assert slot.givers == {"b"}
    slot.change("b")
    slot.fenced("a")
    assert (slot.owner, slot.older) == ("b", ("a",))


def test_who_waits_for_a_dead_server_is_refused_at_once() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.change("newest")
    slot.command(command)
    assert slot.waits_for("new")
    assert slot.stuck("a") == []
    assert slot.stuck("new") == [Refuse(1, command, "new")]
    assert slot.waiting() == []
    slot.fenced("new")
    assert slot.owner == "newest"


def test_it_is_finished_when_no_older_server_and_no_command_is_left() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.cleared("a")
    assert not slot.finished
    assert sent(slot.asked(X, None)) == [("new", command)]
    assert slot.finished


def test_a_settled_key_waits_like_others_while_the_owner_changes() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, None)
    assert slot.at_home(X)
    slot.change("newest")
    assert not slot.at_home(X)
    assert slot.command(command) == []
    assert slot.fenced("new") == [Ask(1, "new", X)]


def test_a_key_that_is_used_where_it_is_is_looked_for_again_after_some_commands() -> None:
    slot = moving("a")
    commands = [Asked((X,)) for _ in range(34)]
    assert slot.command(commands[0]) == [Ask(1, "a", X)]
    assert slot.asked(X, 1000) == [Send(1, "a", commands[0], tell=True)]
    assert slot.replied(commands[0]) == []
    for command in commands[1:32]:
        assert slot.command(command) == [Send(1, "a", command, tell=True)]
        assert slot.replied(command) == []
    assert slot.command(commands[32]) == [Ask(1, "a", X)]


def test_it_is_looked_for_again_when_a_pass_begins_and_when_the_slot_changes_owner() -> None:
    slot, command = moving("b", "a"), Asked((X,))

    def pin() -> None:
        assert slot.command(command) == [Ask(1, "a", X)]
        slot.asked(X, 1000)
        assert slot.asked(X, None) == [Send(1, "a", command, tell=True)]

    pin()
    slot.forget_pins("b")
    slot.replied(command)
    slot.forget_pins("a")
    pin()
    slot.forget_pins("a")
    assert slot.replied(command) == []
    pin()
    slot.replied(command)
    assert slot.change("other") == {"new"}  # nothing is under way to a
    assert slot.fenced("new") == []
    assert slot.command(command) == [Ask(1, "a", X)]


def test_only_so_many_keys_stay_known_where_they_are() -> None:
    slot = moving("a")
    commands = [Asked(((0, b"%d" % number),)) for number in range(20)]
    for command in commands:
        slot.command(command)
        slot.asked(command.keys[0], 1000)
        slot.replied(command)
    first = [slot.command(command)[0] for command in commands]
    assert [isinstance(action, Send) for action in first] == [True] * 16 + [False] * 4
    assert not slot.finished
    for command in commands[:16]:
        slot.replied(command)
    for command in commands[16:]:
        slot.asked(command.keys[0], None)
    slot.cleared("a")
    assert slot.finished


def test_moves_that_break_are_counted_for_each_server_that_is_asked() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 10)
    slot.moved(X, Outcome.DOUBT)
    slot.moved(X, Outcome.DOUBT)
    assert slot.moved(X, Outcome.ABSENT) == [Ask(1, "b", X)]
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.DOUBT) == [Move(1, "b", "new", X, replace=False)]


def test_what_the_owner_will_not_take_does_not_stay_where_it_was_not_last() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.command(command)
    slot.asked(X, None)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.DENIED) == [Refuse(1, command, "new", denied=True)]


def test_a_server_that_was_looked_through_is_no_place() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.cleared("a")
    slot.command(command)
    slot.asked(X, 10)
    assert slot.moved(X, Outcome.BUSY) == [Delete(1, "b", X)]  # nothing is known of it


def test_a_slot_that_is_given_to_the_owner_it_has_goes_on() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, None)
    assert slot.change("new") == set()
    assert not slot.holding
    assert sent(slot.command(command)) == [("new", command)]


def test_who_is_refused_because_of_a_dead_server_leaves_what_is_under_way_for_its_key() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.change("newest")
    assert slot.stuck("new") == [Refuse(1, command, "new")]
    assert slot.fenced("new") == []
    assert slot.holding
    assert slot.asked(X, 10) == []
    assert (slot.owner, slot.holding) == ("newest", False)
    assert slot.command(command) == [Ask(1, "a", X)]


def test_servers_that_were_looked_through_meanwhile_are_asked_no_more() -> None:
    for looked_through, then in (("c", "b"), ("b", "c")):
        slot, command = moving("d", "c", "b", known=False), Asked((X,))
        assert slot.command(command) == [Ask(1, "d", X)]
        slot.cleared(looked_through)
        assert slot.asked(X, None) == [Ask(1, then, X)]
        assert sent(slot.asked(X, None)) == [("new", command)]


def test_a_key_that_is_used_where_it_is_is_known_there_when_another_server_is_looked_through() -> None:
    slot, command = moving("b", "a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 1000)
    slot.asked(X, None)
    slot.replied(command)
    slot.forget_pins("b")
    assert slot.command(command) == [Send(1, "a", command, tell=True)]


def test_a_key_that_is_used_where_it_is_moves_with_as_many_tries_as_others() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    slot.asked(X, 1000)
    slot.replied(command)
    move = Move(1, "a", "new", X, replace=False)
    assert slot.background(X, force=True) == [move]
    assert slot.moved(X, Outcome.DOUBT) == [move]
    assert slot.moved(X, Outcome.DOUBT) == [move]
    assert slot.moved(X, Outcome.DOUBT) == [Done(1, X, settled=False)]


def test_a_large_key_that_is_needed_together_with_another_before_all_servers_are_asked_moves() -> None:
    slot, one, both = moving("b", "a"), Asked((X,)), Asked((X, Y))
    slot.command(one)
    assert slot.asked(X, 1000) == [Ask(1, "b", X)]
    slot.command(both)
    slot.asked(Y, None)
    assert slot.asked(Y, None) == []
    assert slot.asked(X, None) == [Move(1, "a", "new", X, replace=False)]
    assert sent(slot.moved(X, Outcome.MOVED)) == [("new", one), ("new", both)]


def test_where_nothing_was_done_nothing_is_in_doubt() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    assert slot.away(X, "a") == [Refuse(1, command, "a")]
    slot.command(command)
    assert sent(slot.asked(X, None)) == [("new", command)]


def test_an_owner_without_keys_is_still_where_they_were_placed_last() -> None:
    slot = MovingSlot(1, "a", LIMIT_BYTES)
    slot.change("b")
    assert slot.cleared("a") == []  # while it is the owner, it may get some
    slot.fenced("a")
    slot.change("c")
    slot.fenced("b")
    assert slot.command(Asked((X,))) == [Ask(1, "a", X)]


def test_an_answer_that_comes_when_its_server_has_been_fenced_names_no_server() -> None:
    slot, command = moving("a"), Asked((X,))
    slot.command(command)
    assert slot.asked(X, 1000) == [Send(1, "a", command, tell=True)]
    assert slot.change("newest") == {"new", "a"}
    slot.fenced("new")
    slot.fenced("a")
    slot.replied(command)
    assert slot.used == {"a"}
