from __future__ import annotations

from wproxy.dataplane.redis.lane import Lane
from wproxy.policy.redis.actions import Ask


def ask(number: int, database: int = 0) -> Ask:
    return Ask(1, "a", (database, b"%d" % number))


def test_a_group_begins_at_once_where_none_is_under_way_and_the_next_when_it_is_worth_it() -> None:
    groups: list[list[Ask]] = []
    lane = Lane(groups.append)
    lane.go()
    assert (groups, lane.idle) == ([], True)
    for number in range(16):
        lane.add(ask(number))
        lane.go()
    assert [len(group) for group in groups] == [1]
    lane.add(ask(16))
    lane.go()
    assert [len(group) for group in groups] == [1, 16]
    lane.add(ask(17))
    lane.ended()
    lane.go()
    assert [len(group) for group in groups] == [1, 16]
    assert not lane.idle
    lane.ended()
    assert not lane.idle
    lane.go()
    assert [len(group) for group in groups] == [1, 16, 1]
    assert not lane.idle
    lane.ended()
    assert lane.idle
    assert [each for group in groups for each in group] == [ask(number) for number in range(18)]


def test_a_group_is_of_one_database_and_of_sixty_four_keys_at_most_and_four_are_under_way() -> None:
    groups: list[list[Ask]] = []
    lane = Lane(groups.append)
    for number in range(400):
        lane.add(ask(number, database=number >= 100))
    lane.go()
    assert [len(group) for group in groups] == [64, 36, 64, 64]
    assert {each.key[0] for each in groups[1]} == {0}
    lane.ended()
    lane.go()
    assert [len(group) for group in groups[4:]] == [64]


def test_what_ends_while_it_begins_makes_room_at_once() -> None:
    groups: list[list[Ask]] = []

    def begin(group: list[Ask]) -> None:
        groups.append(group)
        lane.ended()

    lane = Lane(begin)
    for number in range(70):
        lane.add(ask(number))
    lane.go()
    assert [len(group) for group in groups] == [64, 6]
    assert lane.idle
