from __future__ import annotations

from types import SimpleNamespace

from wproxy.config import values
from wproxy.config.grammar import Grammar, Report, Section, Sets, SetsTo, Statement, done, ignored, refused
from wproxy.config.model import Location
from wproxy.config.parameters import apply_parameters

HERE = Location("a.cfg", 3)
SERVER = (Section.SERVER,)
ROWS: Grammar[SimpleNamespace] = Grammar(
    (
        done("weight", SERVER, Sets("weight", values.WEIGHT), "", ""),
        done("check", SERVER, SetsTo("check", True), "", ""),
        *ignored("cookie +1", SERVER, "http only", ""),
        *refused("track +1", SERVER, "", ""),
        *refused("ssl", SERVER, "no TLS yet", ""),
    )
)


def applied(*words: str) -> tuple[dict[str, object], Report]:
    draft, report = SimpleNamespace(), Report()
    line = Statement("server a", words, HERE, Section.SERVER)
    apply_parameters(ROWS, draft, line, words, report)
    return vars(draft), report


def messages(report: Report) -> list[str]:
    return [problem.message for problem in report.problems]


def test_each_parameter_takes_its_words() -> None:
    draft, report = applied("check", "weight", "7", "cookie", "x")
    assert draft == {"check": True, "weight": 7}
    assert [(line.keyword, line.reason) for line in report.ignored] == [("server a cookie", "http only")]
    assert report.problems == []


def test_every_fault_of_a_line_is_reported() -> None:
    _, report = applied("weight", "300", "track", "b/s", "ssl", "weight")
    assert messages(report) == [
        "'server a' : 'weight' is not within 0 and 256 (300)",
        "'server a' : HAProxy's keyword 'track' is not supported by wproxy",
        "'server a' : HAProxy's keyword 'ssl' is not supported by wproxy: no TLS yet",
        "'server a' : 'weight' expects a number from 0 to 256",
    ]


def test_nothing_is_read_after_an_unknown_word() -> None:
    draft, report = applied("wieght", "7", "check")
    assert draft == {}
    assert messages(report) == ["'server a' : unknown keyword 'wieght'; did you mean 'weight'?"]


def test_an_empty_word_in_the_middle_is_told_as_what_it_most_likely_is() -> None:
    draft, report = applied("check", "", "weight", "7")
    assert draft == {"check": True}
    assert messages(report) == ["'server a' has an empty word (environment variable missing?)"]
