from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts, scope
from wproxy.config.acl.facts import Facts, Value
from wproxy.config.acl.sample import parse_sample
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored
from wproxy.config.values import ArgumentError
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger

TABLES = frozenset({"front", "other"})


def tracking() -> Facts:
    """Return a client whose address is tracked as number 0; `other` has seen nobody."""
    stored = tuple(Stored(DATA[name]) for name in ("gpc0", "gpc1", "conn_cnt", "bytes_in_cnt"))
    made = facts()
    made.process.tables = {  # type: ignore[misc] # of the made-up process
        "front": Ledger(LiveTable(StickTable("front", StickKind.IP, 5, stored=stored)), lambda: 9.0),
        "other": Ledger(LiveTable(StickTable("other", StickKind.IP, 5, stored=stored[:1])), lambda: 9.0),
    }
    entry = made.process.tables["front"].track(b"\x0a\1\2\3")
    assert entry is not None
    made.track(0, entry)
    entry.count("bytes_in", 5000)
    return made


def value(text: str, made: Facts | None = None) -> Value | None:
    return parse_sample(text, scope(tables=TABLES)).fetch(made or tracking())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sc_conn_cnt(0)", 1), ("sc0_conn_cnt", 1), ("sc1_conn_cnt", None), ("sc0_conn_cnt(other)", 0),
        ("sc0_kbytes_in", 4), ("sc0_kbytes_out", None), ("sc0_trackers", 1), ("sc0_tracked", True),
        ("sc0_tracked(other)", True), ("sc2_tracked", False), ("sc0_inc_gpc0", 1), ("sc0_clr_gpc0", 0),
        ("sc0_http_req_rate", None), ("src_conn_cnt", 1), ("src_conn_cnt(other)", 0), ("src_inc_gpc0(other)", 1),
        ("src_inc_gpc1(other)", 0), ("table_cnt", 1), ("table_avl", 4), ("table_cnt(other)", 0),
        ("src,in_table(front)", True), ("src,in_table(other)", False), ("str(x),in_table(other)", None),
        ("src,table_conn_cnt(front)", 1), ("src,table_conn_cnt(other)", 0), ("str(x),table_conn_cnt(other)", None),
    ],
)  # fmt: skip
def test_values(text: str, expected: Value | None) -> None:
    assert value(text) == expected


def test_counting_by_asking() -> None:
    made = tracking()
    assert [value("sc0_inc_gpc0", made) for _ in range(3)] == [1, 2, 3]
    assert [value("sc0_clr_gpc0", made), value("sc0_get_gpc0", made)] == [3, 0]


def test_clients_without_an_address() -> None:
    made = tracking()
    made.source = None
    assert value("src_conn_cnt", made) is None
    made.source = bytes(16)
    assert value("src_conn_cnt", made) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sc_conn_cnt(3)", "'sc_conn_cnt' expects a number from 0 to 2 in parentheses, not '3'"),
        ("sc0_gpc0_rate(o)", "'sc0_gpc0_rate' uses the stick-table of 'o', which has none; write 'stick-table type ip "
                             "size 100k' in 'o'"),
        ("src_conn_cnt(othe)", "'src_conn_cnt' uses the stick-table of 'othe', which has none; did you mean 'other'?"),
    ],
)  # fmt: skip
def test_problems(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        value(text)
    assert str(caught.value) == problem
