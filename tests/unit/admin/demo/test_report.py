"""admin.demo.report: the sums, the shares, the verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from admin.demo.report import Phase, Report

FIRST = Phase({"redisA": 30, "redisB": 70}, {"redisA": 299, "redisB": 701})
SECOND = Phase({"redisA": 50, "redisB": 50}, {"redisA": 500, "redisB": 500})


def test_a_good_run_has_no_faults_and_this_document() -> None:
    report = Report(captured=2003, expired=3, phases=(FIRST, SECOND))
    assert report.faults() == []
    assert report.document() == {
        "captured": 2003,
        "stored": 2000,
        "lost": 0,
        "expired": 3,
        "phases": [
            {"weights": {"redisA": 30, "redisB": 70}, "stored": {"redisA": 299, "redisB": 701}},
            {"weights": {"redisA": 50, "redisB": 50}, "stored": {"redisA": 500, "redisB": 500}},
        ],
    }


def test_lost_packets_are_a_fault() -> None:
    assert Report(2001, 0, (FIRST, SECOND)).faults() == ["1 of 2,001 packets lost"]


def test_more_keys_than_packets_are_a_fault() -> None:
    assert Report(1999, 0, (FIRST, SECOND)).faults() == ["1 of 1,999 packets stored more than once"]


def test_a_run_that_saw_nothing_did_not_go_well() -> None:
    assert Report(0, 0, (Phase({"redisA": 1}, {"redisA": 0}),)).faults() == ["no packet was captured"]


def test_a_share_more_than_a_point_off_is_a_fault() -> None:
    off = Phase({"redisA": 50, "redisB": 50}, {"redisA": 489, "redisB": 511})
    assert Report(1000, 0, (off,)).faults() == [
        "phase 1: redisA holds 48.9%, its weight asks for 50.0%",
        "phase 1: redisB holds 51.1%, its weight asks for 50.0%",
    ]


counts = st.integers(0, 10**9)


@given(counts, counts, counts, counts)
def test_every_captured_packet_is_stored_expired_or_lost(captured: int, expired: int, a: int, b: int) -> None:
    report = Report(captured, expired, (Phase({"a": 1, "b": 2}, {"a": a, "b": b}),))
    assert report.captured == report.stored + report.expired + report.lost
