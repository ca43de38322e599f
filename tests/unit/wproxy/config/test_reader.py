from __future__ import annotations

import pytest

from wproxy.config.grammar import Report, Section
from wproxy.config.reader import Reader

ENVIRON = {"NAME": "web"}


def read(*texts: str) -> tuple[Reader, list[str], Report]:
    report = Report()
    reader = Reader(ENVIRON, report)
    for number, text in enumerate(texts):
        reader.read(text, f"{number}.cfg")
    return reader, [str(problem) for problem in report.problems], report


def test_sections_open_drafts_in_order() -> None:
    reader, problems, _ = read("global\n maxconn 7\nfrontend f\nbackend b\nlisten l\n")
    assert problems == []
    assert reader.globals.maxconn == 7
    assert [(proxy.section, proxy.name, proxy.location.line) for proxy in reader.proxies] == [
        (Section.FRONTEND, "f", 3),
        (Section.BACKEND, "b", 4),
        (Section.LISTEN, "l", 5),
    ]


def test_each_defaults_applies_to_what_follows_and_starts_afresh() -> None:
    text = "defaults\n retries 1\nbackend a\ndefaults\n timeout connect 1s\nbackend b\n"
    reader, problems, _ = read(text)
    assert problems == []
    assert [(proxy.retries, proxy.connect_s) for proxy in reader.proxies] == [(1, None), (3, 1.0)]


def test_defaults_hold_in_the_next_file_but_its_section_does_not() -> None:
    reader, problems, _ = read("defaults\n retries 1\n", " retries 2\nbackend b\n")
    assert problems == ["[1.cfg:1] : unknown keyword 'retries' out of section"]
    assert reader.proxies[0].retries == 1


def test_named_defaults() -> None:
    reader, problems, _ = read(
        "defaults one\n retries 1\ndefaults two from one\n timeout connect 1s\ndefaults\n"
        "backend a from two\nbackend b\n"
    )
    assert problems == []
    assert [(proxy.name, proxy.retries, proxy.connect_s) for proxy in reader.proxies] == [("a", 1, 1.0), ("b", 3, None)]


def test_variables_of_the_environment_and_of_the_place() -> None:
    reader, problems, _ = read(
        'listen "${NAME}"\nbackend "${.FILE}-${.LINE}-${.SECTION}${.OTHER}${UNSET}"\n'
        'global\n description "${.SECTION}"\n'
    )
    assert problems == []
    assert [proxy.name for proxy in reader.proxies] == ["web", "0.cfg-2-web"]
    assert reader.globals.description == "global"


def test_a_section_that_wproxy_does_not_read_is_skipped() -> None:
    reader, problems, report = read("cache u\n total-max-size 4\n nonsense\nprogram p\n command x\nbackend b\n")
    assert problems == ["[0.cfg:4] : HAProxy's section 'program' is not supported by wproxy"]
    assert [line.keyword for line in report.ignored] == ["cache"]
    assert [proxy.name for proxy in reader.proxies] == ["b"]


def test_no_undoes_and_default_restores() -> None:
    reader, problems, report = read(
        "defaults\n option redispatch\nbackend a\n no option redispatch\nbackend b\n default option redispatch\n"
        "backend c\n no option allbackups\n no option nolinger\n no log\n"
    )
    assert problems == []
    assert [proxy.redispatch for proxy in reader.proxies] == [None, None, -1]
    assert [(line.keyword, bool(line.reason)) for line in report.ignored] == [("no option nolinger", True)]


def test_what_belongs_to_the_other_side_is_warned_about() -> None:
    _, problems, report = read("backend b\n bind :80\n timeout client 1s\n")
    assert problems == []
    assert report.warnings == [
        "[0.cfg:2] : 'bind' ignored: it has no effect in a 'backend' section.",
        "[0.cfg:3] : 'timeout client' ignored: it has no effect in a 'backend' section.",
    ]


def test_an_empty_first_word_switches_the_line_off() -> None:
    assert read('backend b\n "$UNSET" nonsense\n')[1] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("maxconn 3", "unknown keyword 'maxconn' out of section"),
        ("backnd b", "unknown keyword 'backnd' out of section; did you mean 'backend'?"),
        ("global x", "'global' cannot handle unexpected argument 'x'"),
        ("backend", "'backend' expects a name"),
        ("backend a b", "'backend' cannot handle unexpected argument 'b'"),
        ("backend a/b", "'backend' has a name with other characters than letters, digits and '-_.:': 'a/b'"),
        ("backend a from", "'backend' names a defaults section that is not there: ''"),
        (
            "defaults one\nbackend a from on",
            "'backend' names a defaults section that is not there: 'on'; did you mean 'one'?",
        ),
        (".if 1", "HAProxy's directive '.if' is not supported by wproxy"),
        (".fi", "unknown directive '.fi'; did you mean '.if'?"),
        ("[scope]", "HAProxy's scope '[scope]' is not supported by wproxy"),
        ("backend b\n no", "'no' expects a keyword"),
        ("backend b\n no balance", "'no' cannot stand before 'balance'"),
        ("backend b\n balanse x", "unknown keyword 'balanse' in 'backend' section; did you mean 'balance'?"),
        ("backend b\n nbthread 3", "'nbthread' cannot stand here, it belongs to a section of 'global'"),
        (
            "global\n retries 3",
            "'retries' cannot stand here, it belongs to a section of 'defaults', 'listen', 'backend'",
        ),
        ("frontend f\n server a :1", "'server' not allowed in a 'frontend' section"),
        ("defaults\n bind :1", "'bind' not allowed in a 'defaults' section"),
        ("backend b\n filter trace", "HAProxy's keyword 'filter' is not supported by wproxy"),
        ("backend 'b", "unmatched quote at position 9"),
        ("backend b\n server a\0 x", "a word has a NUL character or bytes that are not UTF-8"),
        ("backend \udcff", "a word has a NUL character or bytes that are not UTF-8"),
    ],
)
def test_problems_stand_where_they_are(text: str, problem: str) -> None:
    assert read(text)[1] == [f"[0.cfg:{text.count(chr(10)) + 1}] : {problem}"]


def test_bytes_that_are_no_text_may_stand_in_comments() -> None:
    assert read("backend b # \udcff\0\n")[1] == []
