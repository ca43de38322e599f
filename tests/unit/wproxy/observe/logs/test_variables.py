from __future__ import annotations

import pytest

from tests.unit.wproxy.observe.logs.facts import record, session
from wproxy.observe.logs.variables import Record, variables


def value(name: str, of: Record) -> str:
    [row] = [row for row in variables() if row.name == name]
    return str(row.value(of))


def test_names_are_unique_and_titled() -> None:
    rows = variables()
    assert len({row.name for row in rows}) == len(rows)
    assert all(row.title for row in rows)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("B", "345"), ("U", "12"), ("Tw", "51"), ("Tc", "20"), ("Tt", "1500"), ("ac", "7"), ("b", "back"), ("bc", "5"),
        ("bq", "0"), ("ci", "192.0.2.1"), ("cp", "4711"), ("f", "front"), ("fc", "1"), ("fi", "192.0.2.2"),
        ("fp", "80"), ("ft", "front"), ("rc", "0"), ("rt", "1"), ("s", "a"), ("sc", "2"), ("sq", "0"), ("ts", "--"),
    ],
)  # fmt: skip
def test_values(name: str, expected: str) -> None:
    assert value(name, record()) == expected


def test_the_date_has_milliseconds() -> None:
    assert value("t", record()).endswith(".250")


def test_what_never_came() -> None:
    made = session()
    made.server = made.assigned_at = made.connected_at = None
    assert [value(name, record(made)) for name in ("s", "Tw", "Tc")] == ["<NOSRV>", "-1", "-1"]


def test_what_will_grow_has_a_plus() -> None:
    assert [value(name, record(unfinished=True)) for name in ("B", "Tt")] == ["+345", "+1500"]


def test_retries_on_another_server_have_a_plus() -> None:
    made = session()
    made.retries = 2
    assert value("rc", record(made)) == "2"
    made.redispatched = True
    assert value("rc", record(made)) == "+2"


def test_a_client_with_tls() -> None:
    made = session()
    made.secure = True
    assert value("ft", record(made)) == "front~"
    assert value("f", record(made)) == "front"
