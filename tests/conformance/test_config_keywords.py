"""The keyword tables against HAProxy's own lists: what `haproxy -dKcfg` prints and the manual's keyword matrix."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import lack, need
from wproxy.config.grammar import Grammar, Keyword, Section
from wproxy.config.keywords import bind, server
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY
from wproxy.config.keywords.retired import RETIRED
from wproxy.config.keywords.sections import NAMES

COMPATIBILITY = Path(__file__).parents[2] / "docs/compatibility.md"
MANUAL = Path("/usr/share/doc/haproxy/configuration.txt.gz")
MATRIX = (Section.DEFAULTS, Section.FRONTEND, Section.LISTEN, Section.BACKEND)
ROW = re.compile(r"^([a-z][a-z0-9_ -]+?) +(?:(\(\S+\)) +)?([X-])(?: \(!\))? +([X-]) +([X-]) +([X-])$")


def registered() -> Iterator[tuple[str, list[str]]]:
    """Yield section and words of each keyword that haproxy registers."""
    command = [need("haproxy"), "-dKcfg", "-q", "-c", "-f", "/dev/null"]
    section = ""
    for line in subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.splitlines():
        if line.startswith("\t"):
            yield section, line.split()
        else:
            section = line.strip()


def known(grammar: Grammar[Any], words: list[str]) -> bool:
    """Tell whether `words` is a keyword or the first word of several."""
    first_words = {row.words.split()[0] for row in grammar.rows}
    return grammar.elsewhere(words) is not None or (words[0] != "option" and words[0] in first_words)


def test_every_registered_keyword_of_the_global_section_is_known() -> None:
    assert [words for section, words in registered() if section == "global" and not known(GLOBAL, words)] == []


def test_every_registered_keyword_of_proxies_is_known() -> None:
    lines = [words for section, words in registered() if section == "listen" and words[0] not in ("bind", "server")]
    assert len(lines) > 100
    assert [words for words in lines if not known(PROXY, words)] == []


@pytest.mark.parametrize(
    ("line", "section", "grammar"),
    [("bind", Section.BIND, bind.PARAMETERS), ("server", Section.SERVER, server.PARAMETERS)],
)
def test_every_registered_parameter_is_known_and_takes_as_many_words(
    line: str, section: Section, grammar: Grammar[Any]
) -> None:
    lines = [words for where, words in registered() if where == "listen" and words[0] == line]
    assert len(lines) > 30
    for words in lines:
        arity = int(words.pop()) if re.fullmatch(r"\+\d+", words[-1]) else 0
        row = grammar.find(section, words[-1:])
        assert row is not None or words[-1] == "+-1", words
        assert row is None or row.arity == arity or row.words == "usesrc", words


def manual() -> str:
    """Return the configuration manual, without its table of contents."""
    if not MANUAL.exists():
        lack("HAProxy's manual is not installed: `make test` installs it")
    text = gzip.decompress(MANUAL.read_bytes()).decode()
    return text[text.rindex("\n1. Quick reminder") :]


def chapter(begin: str, end: str) -> str:
    """Return the manual from one heading to another."""
    text = manual()
    return text[text.index(f"\n{begin}") : text.index(f"\n{end}")]


def headings(text: str) -> list[tuple[str, list[str]]]:
    """Return the words in front of the arguments of each keyword that has a paragraph of its own in `text`."""
    found = re.findall(r"\n\n([a-z0-9][a-z0-9._-]*[a-z0-9](?: [a-z][a-z0-9_-]*)*)(?= *\n| +[<\[{(])", text)
    return [(heading, heading.split()) for heading in dict.fromkeys(found)]


def test_the_manuals_list_of_global_keywords_is_known() -> None:
    index = chapter("3. Global parameters", "3.1. Process management")
    names = re.findall(r"^   - (\S+)", index, re.MULTILINE)
    assert len(names) > 150
    assert [name for name in names if not known(GLOBAL, [name])] == []


@pytest.mark.parametrize(
    ("begin", "end", "count", "grammar"),
    [
        ("3.1. Process management", "3.4. Userlists", 150, GLOBAL),
        ("4.2. Alphabetically sorted", "5. Bind and server options", 180, PROXY),
        ("5.1. Bind options", "5.2. Server and default-server", 50, bind.PARAMETERS),
        ("5.2. Server and default-server", "5.3. Server IP address", 80, server.PARAMETERS),
    ],
)
def test_every_keyword_that_the_manual_explains_is_known(
    begin: str, end: str, count: int, grammar: Grammar[Any]
) -> None:
    found = headings(chapter(begin, end))
    assert len(found) > count
    first_words = {row.words.split()[0] for row in grammar.rows}
    assert [heading for heading, words in found if not known(grammar, words) and words[0] not in first_words] == []


def test_the_manuals_sections_are_known() -> None:
    sections = re.findall(r"^([a-z-]+) \[?<\w+>\]?(?: .*)?$", chapter("3.4. Userlists", "4. Proxies"), re.MULTILINE)
    wanted = {"userlist", "peers", "mailers", "program", "http-errors", "ring", "log-forward"}
    assert wanted <= set(sections)
    assert wanted | {"resolvers", "cache", "fcgi-app"} <= set(NAMES)


def test_every_known_keyword_has_a_row_in_the_reference() -> None:
    page = COMPATIBILITY.read_text()
    for grammar in (GLOBAL, PROXY, bind.PARAMETERS, server.PARAMETERS):
        for row in grammar.rows:
            assert f"| `{row.label}` |" in page, (
                "docs/compatibility.md is old: write it anew with wproxy.config.reference"
            )


DROPPED = re.compile(r"not supported anymore|doesn't exist anymore|not supported \(anymore\)")


@pytest.mark.parametrize("row", RETIRED, ids=lambda row: row.words)
def test_haproxy_too_has_dropped_it(row: Keyword, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text(f"listen l\n bind :7001\n {row.words} x y\n")
    command = [need("haproxy"), "-c", "-f", "a.cfg"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30).stderr
    assert DROPPED.search(said) or "unknown" not in said


FIRST_WORDS = {"compression": ("algo",)}  # rows of the manual that are several here


def test_the_manuals_matrix_has_the_same_sections() -> None:
    matrix = chapter("4.1. Proxy keywords matrix", "4.2. Alphabetically")
    rows = [ROW.match(line) for line in matrix.splitlines()]
    found = [row for row in rows if row]
    assert len(found) > 100
    for keyword, mark, *places in (row.groups() for row in found):
        ours = PROXY.elsewhere(keyword.split()) or PROXY.elsewhere([keyword, *FIRST_WORDS.get(keyword, ())])
        assert ours is not None, keyword
        assert ours.sections == {section for section, place in zip(MATRIX, places, strict=True) if place == "X"}, (
            keyword
        )
        assert (mark == "(*)") == (ours.reversible or ours.undo is not None), keyword
