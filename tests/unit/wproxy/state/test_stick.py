from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import Stored
from wproxy.state.stick import Entry, LiveTable


def table(
    kind: StickKind = StickKind.STRING,
    size: int = 3,
    expire_s: float | None = 10.0,
    *,
    nopurge: bool = False,
    stored: tuple[Stored, ...] = (),
) -> LiveTable:
    return LiveTable(StickTable("t", kind, size, expire_s, nopurge=nopurge, stored=stored))


def keys(made: LiveTable, now: float) -> list[str]:
    return [key for key, _ in made.entries(now)]


def test_entries_expire_after_their_last_use() -> None:
    made = table()
    made.store("a", "one", 1, 0.0)
    made.store("b", "two", 2, 1.0)
    assert made.find("a", 9.0) == Entry("one", 1, 19.0)
    assert made.find("b", 11.0) is None
    assert made.used(18.0) == 1
    assert made.find("a", 19.0) is None
    assert made.used(19.0) == 0


def test_a_look_from_outside_is_no_use() -> None:
    made = table()
    made.store("a", "one", 1, 0.0)
    assert made.look_at("a", 9.0) == Entry("one", 1, 10.0)
    assert made.look_at("a", 10.0) is None


def test_a_full_table_forgets_what_was_unused_for_longest() -> None:
    made = table()
    for now, key in enumerate("abc"):
        made.store(key, "one", 1, float(now))
    made.find("a", 3.0)
    made.store("d", "one", 1, 4.0)
    assert keys(made, 4.0) == ["c", "a", "d"]
    made.store("c", "two", 2, 5.0)
    assert keys(made, 5.0) == ["a", "d", "c"]


def test_with_nopurge_a_full_table_takes_no_more() -> None:
    made = table(nopurge=True)
    for key in "abcd":
        made.store(key, "one", 1, 0.0)
    made.store("a", "two", 2, 0.0)
    assert keys(made, 0.0) == ["b", "c", "a"]
    made.store("d", "one", 1, 10.0)
    assert keys(made, 10.0) == ["d"]


def test_without_expire_entries_stay() -> None:
    made = table(expire_s=None)
    made.store("a", "one", 1, 0.0)
    assert made.find("a", 1e9) is not None


def test_forget_and_clear() -> None:
    made = table()
    for key in "ab":
        made.store(key, "one", 1, 0.0)
    made.forget("a")
    made.forget("a")
    assert keys(made, 0.0) == ["b"]
    made.clear()
    assert keys(made, 0.0) == []


@pytest.mark.parametrize(
    ("kind", "value", "key"),
    [
        (StickKind.IP, b"\1\2\3\4", b"\1\2\3\4"),
        (StickKind.IP, bytes(10) + b"\xff\xff\1\2\3\4", b"\1\2\3\4"),
        (StickKind.IP, ip_address("2001::1").packed, None),
        (StickKind.IP, "1.2.3.4", b"\1\2\3\4"),
        (StickKind.IP, "x", None),
        (StickKind.IP, 7, b"\0\0\0\7"),
        (StickKind.IPV6, b"\1\2\3\4", bytes(10) + b"\xff\xff\1\2\3\4"),
        (StickKind.IPV6, ip_address("2001::1").packed, ip_address("2001::1").packed),
        (StickKind.IPV6, True, None),
        (StickKind.IPV6, "2001::1", ip_address("2001::1").packed),
        (StickKind.INTEGER, 7, 7),
        (StickKind.INTEGER, -1, 2**32 - 1),
        (StickKind.INTEGER, b"\0\0\1\0", 256),
        (StickKind.INTEGER, bytes(16), None),
        (StickKind.INTEGER, "12", 12),
        (StickKind.INTEGER, "12x", 12),
        (StickKind.INTEGER, "x", 0),
        (StickKind.INTEGER, "", None),
        (StickKind.STRING, "a" * 40, "a" * 32),
        (StickKind.STRING, b"\1\2\3\4", "1.2.3.4"),
        (StickKind.STRING, 7, "7"),
    ],
)
def test_keys(kind: StickKind, value: int | bytes | str, key: object) -> None:
    assert table(kind).key(value) == key


@pytest.mark.parametrize(
    ("kind", "text", "key"),
    [
        (StickKind.IP, "1.2.3.4", b"\1\2\3\4"),
        (StickKind.IP, "x", None),
        (StickKind.INTEGER, "7", 7),
        (StickKind.INTEGER, "7x", None),
        (StickKind.STRING, "x", "x"),
    ],
)
def test_keys_as_people_write_them(kind: StickKind, text: str, key: object) -> None:
    assert table(kind).key_of(text) == key


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans(), st.floats(0, 8)), max_size=60),
    st.integers(1, 5),
)
def test_agrees_with_a_plain_model(steps: list[tuple[str, bool, float]], size: int) -> None:
    made = table(size=size)
    model: dict[str, float] = {}  # key -> last use
    now = 0.0
    for key, stores, pause in steps:
        now += pause
        model = {known: used for known, used in model.items() if used + 10.0 > now}
        if stores:
            if key not in model and len(model) >= size:
                del model[min(model, key=lambda known: model[known])]
            model.pop(key, None)
            model[key] = now
            made.store(key, "one", 1, now)
        else:
            assert (made.find(key, now) is not None) == (key in model)
            if key in model:
                model.pop(key)
                model[key] = now
        assert keys(made, now) == list(model)
        assert made.used(now) <= size
