from __future__ import annotations

from wproxy.config.acl.table_facts import TableFacts, TrackedFacts
from wproxy.config.model import StickKind, StickTable
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger


def test_live_tables_fit() -> None:
    table: TableFacts = Ledger(LiveTable(StickTable("t", StickKind.INTEGER, 1)), lambda: 0.0)
    entry: TrackedFacts | None = table.track(5)
    assert entry is not None
    assert (entry.table_name, entry.key, entry.trackers) == ("t", 5, 1)
    assert table.find(5) is not None
