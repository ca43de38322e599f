"""Quoting, escapes and variables: the first word that haproxy reads on a line, and the one that the lexer reads."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.programs import need
from wproxy.config.lexer import LexError, split

ENVIRON = {"NAME": "web", "SEVERAL": "a b  c", "EMPTY": ""}
LINES = [
    "zz",
    'zz"a b"c',
    "zz'a b'c",
    "zz\\ b",
    "zz\\x41b",
    "zz\\qb",
    "zz\\\\b",
    "zz\\",
    "zz\\\tb",
    'zz"\\q\\$\\"\\\'"',
    "zz\\$a",
    "zz'\\$a\"'",
    "zz$NAME",
    '"zz$NAME"',
    '"zz${NAME}x"',
    '"zz${UNSET}x"',
    '"zz${UNSET-def ault}x"',
    '"zz${EMPTY-def}x"',
    '"zz${NAME-a\\}b}zz"',
    '"$NAME-zz"',
    '"zz${UNSET-${NAME}}"',
    '"zz${SEVERAL[*]}"',
    '"zz${UNSET[*]-d e}"',
    "zz#b",
    'zz"#"b',
    "zz\\#b",
    '""zz',
    "zz\rx",
    "zz \rx",
    "zz\vb",
    "zzé",
    "zz\\xc3\\xa9",
    'zz"a',
    "zz'a",
    'zz"\r"',
    "zz\\x4",
    "zz\\x2g",
    '"zz$1"',
    '"zz$"',
    '"zz${NAME"',
    '"zz${NAME-"',
    '"zz${NAME+a}"',
    '"zz${SEVERAL[*}"',
]


def read_by_haproxy(folder: Path, line: str) -> str:
    """Return the first word of `line`, which must be no keyword, or the position of the error in it."""
    file = folder / "case.cfg"
    file.write_bytes(f"global\n{line}\n".encode())
    command = [need("haproxy"), "-c", "-f", str(file)]
    answer = subprocess.run(command, capture_output=True, env=ENVIRON, timeout=30).stderr.decode()
    word = re.search(r"unknown keyword '(.*)' in 'global' section", answer, re.DOTALL)
    position = re.search(r"at position (\d+)", answer)
    return word[1] if word else f"error at {position[1] if position else answer}"


def read_by_wproxy(line: str) -> str:
    """Return the same of the lexer."""
    try:
        return split(line, ENVIRON.get)[0]
    except LexError as error:
        return f"error at {str(error).rpartition(' ')[2]}"


@pytest.mark.parametrize("line", LINES)
def test_the_same_first_word(line: str, tmp_path: Path) -> None:
    assert read_by_wproxy(line) == read_by_haproxy(tmp_path, line)
