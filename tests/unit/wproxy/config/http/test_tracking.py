from __future__ import annotations

from tests.unit.wproxy.config.http.exchange import front, http_facts
from wproxy.config.acl.facts import Facts
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger


def test_requests_are_tracked_up_to_their_end() -> None:
    stored = (Stored(DATA["http_req_cnt"]), Stored(DATA["http_err_cnt"]), Stored(DATA["conn_cur"]))
    ledger = Ledger(LiveTable(StickTable("f", StickKind.IP, 5, stored=stored)), lambda: 9.0)
    facts = http_facts()
    facts.process.tables = {"f": ledger}  # type: ignore[misc] # of the made-up process
    made = front("stick-table type ip size 5", "http-request track-sc0 src", "http-request sc-inc-gpc0(0)")
    for rule in made.request_rules:
        assert rule.act(facts) is None
    facts.heard(404)
    entry = facts.tracked(0)
    assert entry is not None
    assert [entry.datum(each.text) for each in stored] == [1, 1, 1]
    facts.ended()
    assert [entry.datum(each.text) for each in stored] == [1, 1, 0]
    assert facts.own_tracks is None


def test_a_request_that_is_only_looked_at_counts_later() -> None:
    stored = (Stored(DATA["http_req_cnt"]), Stored(DATA["conn_cnt"]))
    ledger = Ledger(LiveTable(StickTable("f", StickKind.INTEGER, 5, stored=stored)), lambda: 9.0)
    facts = http_facts()
    of_connection, own = ledger.track(1), ledger.track(2)
    assert of_connection is not None
    assert own is not None
    Facts.track(facts, 0, of_connection)
    facts.inspect()
    facts.begin(facts.request, (0, 0))
    facts.track(1, own)
    assert (of_connection.datum("http_req_cnt"), own.datum("http_req_cnt")) == (0, 0)
    facts.inspected()
    facts.inspected()
    assert (of_connection.datum("http_req_cnt"), own.datum("http_req_cnt")) == (1, 1)
