"""What is remembered of keys in moving slots, and its bound."""

from __future__ import annotations

from wproxy.policy.redis.homes import Homes, Settled

X, Y, FAR = (0, b"x"), (0, b"y"), (3, b"x")


def test_names_of_database_0_have_their_owner_and_all_are_forgotten_together() -> None:
    homes = Homes(1000)
    one, other = Settled(homes), Settled(homes)
    one.add(X, "a")
    one.add(FAR, "a")
    other.add(Y, "b")
    other.add(Y, "b")
    assert (one.keys, other.keys, homes.owners) == ({X, FAR}, {Y}, {b"x": "a", b"y": "b"})
    assert homes.room_bytes == 1000 - 3 * 251
    one.discard(Y)
    one.discard(FAR)
    assert (one.keys, homes.owners) == ({X}, {b"x": "a", b"y": "b"})
    one.clear()
    assert (one.keys, other.keys, homes.owners, homes.room_bytes) == (set(), {Y}, {b"y": "b"}, 1000 - 251)


def test_where_there_is_no_room_a_slot_s_other_keys_make_some() -> None:
    homes = Homes(502)
    one, other = Settled(homes), Settled(homes)
    one.add(X, "a")
    one.add(FAR, "a")
    assert homes.room_bytes == 0
    other.add(Y, "b")
    assert (one.keys, other.keys, homes.owners) == ({X, FAR}, set(), {b"x": "a"})
    one.add((0, b"z"), "a")
    assert (one.keys, homes.owners, homes.room_bytes) == ({(0, b"z")}, {b"z": "a"}, 251)


def test_a_name_that_does_not_fit_is_looked_for_every_time() -> None:
    homes = Homes(502)
    one = Settled(homes)
    one.add(X, "a")
    one.add((0, b"z" * 253), "a")
    assert (one.keys, homes.owners, homes.room_bytes) == (set(), {}, 502)
