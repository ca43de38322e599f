"""admin.rebalance: the proxy's table read, and the sentence about it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.errors import RefusedError
from admin.rebalance import Outcome, Seats, parse_rebalance

HEAD = "# be_name,srv_name,state,rate,sessions,quota,surplus,closed,bound,left,returned\n"
ANSWER = HEAD + "back,a,,,30,30,,20,0,,\nback,7,,,64,70,,0,0,,\nback,BACKEND,returning,100,94,100,20,20,0,0,14\n\n"


def test_the_table() -> None:
    read = parse_rebalance("back", ANSWER)
    assert (read.closing, read.done, read.closed, read.returned, read.sessions) == (False, False, 20, 14, 94)
    assert read.servers == (Seats("a", 30, 30, 20), Seats("7", 64, 70, 0))
    assert parse_rebalance("back", ANSWER.replace("returning", "closing")).closing
    assert parse_rebalance("back", ANSWER.replace("returning", "done")).done


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("", "", "closed 20 of 100 sessions, 6 not back yet: now a 30, 7 64"),
        (",64,70", ",70,70", "closed 20 of 100 sessions: now a 30, 7 70"),
        (",20,20,0,0,", ",20,20,0,3,", "closed 20 of 100 sessions, 6 not back yet, 3 too busy to be closed: now a 30"),
        (",20,20,0,0,", ",20,0,5,0,", "no session to close, 5 kept by a stick table: now a 30, 7 64"),
    ],
)
def test_the_sentence(old: str, new: str, says: str) -> None:
    assert str(Outcome(parse_rebalance("back", ANSWER.replace(old, new, 1)), 100)).startswith(says)


def test_what_a_program_reads() -> None:
    assert Outcome(parse_rebalance("back", ANSWER), 100).document() == {
        "sessions_before": 100,
        "closed": 20,
        "left": 0,
        "bound": 0,
        "note": None,
        "servers": [
            {"server": "a", "sessions": 30, "quota": 30, "closed": 20},
            {"server": "7", "sessions": 64, "quota": 70, "closed": 0},
        ],
    }


def test_nothing_to_close_is_no_error_and_the_proxys_words_are_passed_on() -> None:
    outcome = Outcome(parse_rebalance("back", "Nothing to close: in mode redis.\n\n"), 0)
    assert str(outcome) == outcome.document()["note"] == "nothing to close: in mode redis."


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("Unknown command. Please enter one\n of …", "knows no 'rebalance sessions'"),
        ("Permission denied\n\n", "the proxy refused: Permission denied"),
        (HEAD, "tells nothing of a rebalance of back"),
    ],
)
def test_anything_else_is_a_refusal(answer: str, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        parse_rebalance("back", answer)


@given(st.text())
def test_no_answer_is_too_wild(text: str) -> None:
    for answer in (text, HEAD + text):
        with suppress(RefusedError):
            str(Outcome(parse_rebalance("back", answer), 0))
