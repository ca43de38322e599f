from __future__ import annotations

import pytest

from tests.unit.wproxy.config.acl.asking import facts
from tests.unit.wproxy.config.http.exchange import Exchange, http_facts, request_head, response_head
from wproxy.config.acl.facts import Facts, HttpFacts
from wproxy.config.acl.table_facts import TrackedFacts
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored
from wproxy.state.stick import LiveTable
from wproxy.state.tracking import Ledger

STORED = ("http_req_cnt", "http_err_cnt", "bytes_in_cnt", "bytes_out_cnt", "conn_cur")


def test_a_client_is_not_told_by_a_header_unless_said() -> None:
    assert not facts().by_header


def tracked(key: bytes = b"\x0a\1\2\3") -> TrackedFacts:
    """Return the entry of a client in a table of its own."""
    stored = tuple(Stored(DATA[name]) for name in STORED)
    entry = Ledger(LiveTable(StickTable("t", StickKind.IP, 5, stored=stored)), lambda: 9.0).track(key)
    assert entry is not None
    return entry


def data(entry: TrackedFacts) -> list[int | None]:
    return [entry.datum(name) for name in STORED]


def test_a_connection_counts_for_all_that_it_tracks_until_it_ends() -> None:
    made, first, second = facts(), tracked(), tracked()
    made.count("bytes_in", 7)
    made.release()
    made.track(0, first)
    made.track(2, second)
    assert [made.tracks_already(number) for number in range(3)] == [True, False, True]
    made.count("bytes_in", 7)
    assert data(first) == data(second) == [0, 0, 7, 0, 1]
    made.release()
    made.count("bytes_in", 7)
    assert data(first) == data(second) == [0, 0, 7, 0, 0]
    assert made.tracks is None


def test_a_request_counts_for_what_the_connection_tracks() -> None:
    made, entry = http_facts(), tracked()
    Facts.track(made, 1, entry)
    made.begin(request_head(), (0, 0))
    made.heard(200)
    made.heard(404)
    made.exchange = Exchange(bytes_in=3, bytes_out=4)
    made.ended()
    assert made.exchange is None
    assert data(entry) == [1, 1, 3, 4, 1]
    assert made.tracked(1) is entry


def test_what_a_request_tracks_it_tracks_to_its_end() -> None:
    made, first, second = http_facts(), tracked(), tracked()
    made.track(0, first)
    made.track(1, second)
    assert [made.tracks_already(number) for number in range(3)] == [True, True, False]
    made.exchange = Exchange(bytes_in=3, bytes_out=4)
    made.ended()
    assert data(first) == data(second) == [1, 0, 3, 4, 0]
    assert made.own_tracks is None


@pytest.mark.parametrize(("status", "errors"), [(b"404", 1), (b"200", 0)])
def test_who_is_tracked_when_the_response_is_there_gets_it_counted(status: bytes, errors: int) -> None:
    made, entry = http_facts(), tracked()
    made.answered(response_head(b"HTTP/1.1 %b X\r\n\r\n" % status))
    made.track(0, entry)
    assert data(entry) == [1, errors, 0, 0, 1]


def test_requests_are_numbered_when_they_are_asked() -> None:
    made = http_facts()
    assert made.number == 0
    made.exchange = first = Exchange()
    second = Exchange()
    assert (made.number, made.number, first.number) == (0, 0, 0)
    made.exchange = second
    assert (made.number, second.number) == (1, 1)


def test_what_tells_a_request_apart_is_made_once() -> None:
    made, asked = http_facts(), []

    def identify(facts: HttpFacts) -> str:
        asked.append(facts)
        return "  one"

    made.identify = identify
    assert (made.unique_id, made.unique_id, len(asked)) == ("one", "one", 1)
    made.begin(request_head(), (0, 0))
    assert (made.unique_id, len(asked)) == ("one", 2)
    assert http_facts().unique_id == ""


def test_variables_of_requests_end_with_the_response() -> None:
    made = http_facts()
    made.variables = {"req.a": 1, "txn.b": 2, "sess.c": 3}
    made.answered(response_head())
    assert made.variables == {"txn.b": 2, "sess.c": 3}
    made.begin(request_head(), (0, 0))
    assert made.variables == {"sess.c": 3}
    made.variables = {}
    made.answered(response_head())
    assert made.variables == {}
