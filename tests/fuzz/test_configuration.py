"""Any soup of the keywords that wproxy knows, and of bytes, is a configuration or a list of clean errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wproxy.config.grammar import Keyword
from wproxy.config.keywords import bind, server
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.keywords.proxy import PROXY
from wproxy.config.loader import load
from wproxy.config.model import Config
from wproxy.errors import ConfigError, Problem

ROWS: tuple[Keyword, ...] = (*GLOBAL.rows, *PROXY.rows, *bind.PARAMETERS.rows, *server.PARAMETERS.rows)
KEYWORDS = st.sampled_from(sorted({row.words for row in ROWS}))
SECTIONS = st.sampled_from(
    [
        "global",
        "defaults",
        "defaults d",
        "frontend f",
        "listen l",
        "listen m from d",
        "backend b",
        "userlist u",
        "peers",
    ]
)
VALUES = st.sampled_from(
    [
        *("0", "1", "-1", "7001", "65536", "256", "257", "1s", "24d", "25d", "1us", "5x", "16k", "9" * 20, "٣", "0g"),
        *(
            "tcp",
            "http",
            "redis",
            "roundrobin",
            "source",
            "key",
            "random(2)",
            "random()",
            "consistent",
            "from",
            "defaults",
        ),
        *(
            "a",
            "b",
            "f",
            "l",
            "127.0.0.1:7001",
            ":7001",
            "*:7001",
            "[::1]:7001",
            "::1:7001",
            "/p",
            "fd@3",
            "fd@",
            "unix@",
        ),
        *(
            "ipv6@",
            "ipv4@x",
            "abns@x",
            ":1-3",
            ":3-1",
            ",",
            "if",
            "unless",
            "{",
            "}",
            "||",
            "or",
            "!",
            "src",
            "dst_port",
        ),
        *("nbsrv(b)", "nbsrv(", "-m", "-f", "/nonexistent", "--", "is_x", "on", "off", "type", "ip", "size", "expire"),
        *("store", "local0", "notice", "len", "format", "%ci:%cp", "%[src]", "%", "%{+Q}o", "user:password", "string"),
        *("+PONG", "binary", "level", "admin", "mode", "999"),
    ]
)
QUOTES = st.sampled_from(
    [
        *('"', "'", '""', "\\", "\\n", "a\\nb", "\\x1b[m", "\\x", "\\x41", "#", "\r", "\t", "\0", "\x7f"),
        *('"${A}"', '"${A[*]}"', '"${B-c d}"', '"${'),
    ]
)
WORDS = KEYWORDS | VALUES | QUOTES | st.text(max_size=6)
LINE = st.tuples(st.sampled_from(["", "", "no ", "default "]), KEYWORDS, st.lists(WORDS, max_size=6).map(" ".join)).map(
    lambda parts: f" {parts[0]}{parts[1]} {parts[2]}"
)
SERVER = st.lists(WORDS, max_size=6).map(lambda words: f" server a 127.0.0.1:1 {' '.join(words)}")
TEXT = st.lists(SECTIONS | LINE | LINE | LINE | SERVER | st.text(max_size=20), max_size=15).map("\n".join)
BYTES = st.lists(st.binary(max_size=12) | WORDS.map(lambda word: word.encode("utf-8", "replace")), max_size=30)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("soup") / "soup.cfg"


def check(file: Path, content: bytes) -> None:
    """Fail unless `content` is a configuration, or each of its faults is one line with a place in the file."""
    file.write_bytes(content)
    for problem in problems(file):
        assert problem.file == str(file)
        assert 1 <= problem.line <= content.count(b"\n") + 1
        assert problem.message
        assert problem.message.isprintable()


def problems(file: Path) -> tuple[Problem, ...]:
    """Load `file`; return what is wrong with it."""
    try:
        config = load([str(file)], {"A": "b c", "B": ""})
    except ConfigError as error:
        return error.problems or (Problem("an error without a problem", 0, ""),)
    assert isinstance(config, Config)
    assert all(warning.isprintable() for warning in config.warnings)
    return ()


@given(text=TEXT)
def test_a_soup_of_keywords(file: Path, text: str) -> None:
    check(file, text.encode("utf-8", "surrogatepass"))


@given(pieces=BYTES)
def test_a_soup_of_bytes(file: Path, pieces: list[bytes]) -> None:
    check(file, b"listen l\n bind :7001\n " + b" ".join(pieces))


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=20_000)
@given(text=TEXT)
def test_a_long_soup_of_keywords(file: Path, text: str) -> None:
    check(file, text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("rest", ["", " x", " 1", " 1s x y z", " if", " { }", ' ""', " é", " a\\nb"])
def test_every_keyword_with_what_may_follow_it(file: Path, rest: str) -> None:
    for row in ROWS:
        for section in ("global", "defaults", "frontend f", "listen l", "backend b"):
            check(file, f"{section}\n {row.words}{rest}\n no {row.words}{rest}\n".encode())
        check(file, f"listen l\n bind :7001 {row.words}{rest}\n server s h:1 {row.words}{rest}\n".encode())
