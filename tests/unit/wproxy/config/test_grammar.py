from __future__ import annotations

from types import SimpleNamespace

import pytest

from wproxy.config import values
from wproxy.config.grammar import (
    Grammar,
    Report,
    Section,
    Sets,
    SetsTo,
    Statement,
    Status,
    done,
    ignored,
    refused,
)
from wproxy.config.model import Location
from wproxy.config.values import ArgumentError

HERE = Location("a.cfg", 3)
GLOBAL = (Section.GLOBAL,)
ROWS = (
    done("maxconn", GLOBAL, Sets("maxconn", values.COUNT), "connections", "3.2"),
    done("timeout client", (Section.FRONTEND,), Sets("client_s", values.TIMEOUT), "idle time", "4.2"),
    *ignored("stats maxconn, stats bind-process", GLOBAL, "why", "3.1", reversible=True),
    *refused("track +1, ssl", (Section.SERVER,), "hint", "5.2"),
)


def grammar() -> Grammar[SimpleNamespace]:
    return Grammar(ROWS)


def statement(*arguments: str) -> Statement:
    return Statement("maxconn", arguments, HERE, Section.GLOBAL)


def test_rows_of_one_group_share_status_and_reason() -> None:
    found = grammar().find(Section.SERVER, ["track", "b/s"])
    assert found is not None
    assert (found.words, found.arity, found.status, found.doc) == ("track", 1, Status.REFUSED, "hint")
    assert [row.words for row in ROWS if row.status is Status.IGNORED] == ["stats maxconn", "stats bind-process"]


def test_two_words_are_found_before_one_and_only_in_their_section() -> None:
    assert grammar().find(Section.FRONTEND, ["timeout", "client", "5s"]) is ROWS[1]
    assert grammar().find(Section.GLOBAL, ["timeout", "client", "5s"]) is None
    assert grammar().elsewhere(["timeout", "client"]) is ROWS[1]
    assert grammar().elsewhere(["timeout"]) is None


@pytest.mark.parametrize(
    ("section", "words", "message"),
    [
        (Section.GLOBAL, ["maxcon"], "unknown keyword 'maxcon' in 'global' section; did you mean 'maxconn'?"),
        (Section.GLOBAL, ["zzz"], "unknown keyword 'zzz' in 'global' section"),
        (Section.GLOBAL, ["frontned"], "unknown keyword 'frontned' in 'global' section; did you mean 'frontend'?"),
        (Section.GLOBAL, ["stat", "x"], "unknown keyword 'stat' in 'global' section; did you mean 'stats'?"),
        (
            Section.GLOBAL,
            ["stats", "maxcon"],
            "unknown keyword 'stats maxcon' in 'global' section; did you mean 'stats maxconn'?",
        ),
        (Section.GLOBAL, ["stats"], "'stats' in 'global' section expects one of 'bind-process', 'maxconn'"),
    ],
)
def test_unknown_words_are_answered_with_the_nearest(section: Section, words: list[str], message: str) -> None:
    assert grammar().unknown(section, words, also=["frontend"]) == message


def test_sets_reads_one_argument() -> None:
    draft, report = SimpleNamespace(maxconn=None), Report()
    Sets("maxconn", values.COUNT)(draft, statement("5"), report)
    Sets("maxconn", values.COUNT)(draft, statement("6"), report)
    assert draft.maxconn == 6
    assert report == Report()


def test_sets_once_keeps_the_first_and_warns() -> None:
    draft, report = SimpleNamespace(maxconn=None), Report()
    Sets("maxconn", values.COUNT, once=True)(draft, statement("5"), report)
    Sets("maxconn", values.COUNT, once=True)(draft, statement("6"), report)
    assert draft.maxconn == 5
    assert report.warnings == ["[a.cfg:3] : 'maxconn' already specified, the first one counts."]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "expects a number"), (("1", "2"), "cannot handle unexpected argument '2'"), (("x",), "expects an integer")],
)
def test_sets_refuses_other_arguments(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Sets("maxconn", values.COUNT)(SimpleNamespace(), statement(*arguments), Report())


def test_sets_to_takes_no_argument() -> None:
    draft = SimpleNamespace()
    SetsTo("daemon", True)(draft, statement(), Report())
    assert draft.daemon is True
    with pytest.raises(ArgumentError, match="unexpected argument 'x'"):
        SetsTo("daemon", True)(draft, statement("x"), Report())


def test_labels_show_the_argument() -> None:
    assert [row.label for row in ROWS[:3]] == ["maxconn <number>", "timeout client <time>", "stats maxconn"]


def test_a_report_keeps_all_kinds_apart() -> None:
    report = Report()
    report.problem(HERE, "bad")
    report.warn(HERE, "odd")
    report.ignore(HERE, "log", "why")
    assert [str(problem) for problem in report.problems] == ["[a.cfg:3] : bad"]
    assert report.warnings == ["[a.cfg:3] : odd"]
    assert [(line.keyword, line.reason, line.location) for line in report.ignored] == [("log", "why", HERE)]
