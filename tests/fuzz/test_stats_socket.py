"""Whatever is said to a stats socket, in whatever pieces, is answered the same, in bounded time and memory."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.dialogue import LONGEST_LINE, Dialogue
from wproxy.runtime.interpreter import Interpreter

ROWS = Interpreter()._rows
WORDS = st.sampled_from(
    [
        *sorted({word for row in ROWS for word in row.words}),
        *("back/a", "back/b", "#3/#1", "front", "state", "maint", "ready", "drain", "addr", "127.0.0.1", "::1", "port"),
        *(
            "0",
            "-1",
            "99999",
            "1%",
            "50%",
            "health",
            "up",
            "all",
            "typed",
            "json",
            "0x1",
            "older",
            "10s",
            "on",
            "check",
        ),
        *("weight", "maxconn", "<<", ";", "\\", "\\;", "é", "²", "\0", "\t", "\r"),
    ]
)
COMMANDS = st.builds(
    lambda row, rest: " ".join([*row.words, *rest]),
    st.sampled_from(ROWS).filter(lambda row: row.words != ("_getsocks",)),
    st.lists(WORDS | st.text(max_size=5), max_size=5),
)
LINES = COMMANDS | st.lists(WORDS, max_size=4).map(" ".join) | st.sampled_from(["prompt", "quit", "", "help"])
SAID = st.lists(LINES, max_size=6).map(lambda lines: "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
CLOCK = re.compile(rb"\[\d\d/\w+/\d{4}:[\d:.]+\]")  # in `show errors`
TAKEN_S = 1.0  # on a busy machine; all of these take milliseconds


def heard(pieces: list[bytes]) -> bytes:
    """Return all that is answered to `pieces`, fed one by one."""
    made = Dialogue(Interpreter(), Client(Level.ADMIN).context)
    answers = []
    for piece in pieces:
        made.feed(piece)
        while (answer := made.step()) is not None:
            answers.append(answer)
        assert made.buffered <= LONGEST_LINE
    return CLOCK.sub(b"[now]", b"".join(answers))


def check(said: bytes, cuts: list[int]) -> None:
    at = sorted({cut % (len(said) + 1) for cut in cuts} | {0, len(said)})
    began = time.process_time()
    pieces = [said[start:end] for start, end in pairwise(at)]
    assert heard(pieces) == heard([said])
    assert time.process_time() - began < TAKEN_S


CUTS = st.lists(st.integers(0, 10_000), max_size=8)


@given(SAID | st.binary(max_size=500), CUTS)
def test_pieces_make_no_difference(said: bytes, cuts: list[int]) -> None:
    check(said, cuts)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@settings(max_examples=20_000)
@given(SAID | st.binary(max_size=500), CUTS)
def test_pieces_make_no_difference_to_very_many(said: bytes, cuts: list[int]) -> None:
    check(said, cuts)


@given(COMMANDS, st.integers(1, 5000), WORDS)
def test_a_line_of_many_words_takes_no_longer(command: str, count: int, word: str) -> None:
    began = time.process_time()
    heard([(f"{command} " + f"{word} " * count)[: LONGEST_LINE - 1].encode("utf-8", "replace") + b"\n"])
    assert time.process_time() - began < TAKEN_S
