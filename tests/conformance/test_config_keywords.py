"""The keyword tables against HAProxy's own lists: what `haproxy -dKcfg` prints and the manual's keyword matrix."""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.programs import need
from wproxy.config.grammar import Grammar, Section
from wproxy.config.keywords import bind, server
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY

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


def test_the_manuals_matrix_has_the_same_sections() -> None:
    if not MANUAL.exists():
        pytest.skip("HAProxy's manual is not installed")
    text = gzip.decompress(MANUAL.read_bytes()).decode()
    text = text[text.rindex("4.1. Proxy keywords matrix") :]
    rows = [ROW.match(line) for line in text[: text.index("4.2. Alphabetically")].splitlines()]
    found = [row for row in rows if row]
    assert len(found) > 100
    for keyword, mark, *places in (row.groups() for row in found):
        ours = PROXY.elsewhere(keyword.split())
        assert ours is not None, keyword
        assert ours.sections == {section for section, place in zip(MATRIX, places, strict=True) if place == "X"}, (
            keyword
        )
        assert (mark == "(*)") == (ours.reversible or ours.undo is not None), keyword
