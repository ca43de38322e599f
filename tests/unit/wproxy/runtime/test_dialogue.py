from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.wproxy.runtime.talking import Client
from wproxy.config.model import Level
from wproxy.runtime.dialogue import LONGEST_LINE, Dialogue
from wproxy.runtime.interpreter import Interpreter


def dialogue(level: Level = Level.ADMIN) -> Dialogue:
    return Dialogue(Interpreter(), Client(level).context)


def hear(made: Dialogue, *pieces: bytes) -> bytes:
    """Feed the pieces one by one, return all that is answered."""
    heard = []
    for piece in pieces:
        made.feed(piece)
        while (answer := made.step()) is not None:
            heard.append(answer)
    return b"".join(heard)


WEIGHT_A, WEIGHT_B = b"30 (initial 30)\n\n", b"70 (initial 70)\n\n"


@pytest.mark.parametrize(
    ("said", "heard", "finished"),
    [
        (b"get weight back/a\n", WEIGHT_A, True),
        (b"get weight back/a\r\n", WEIGHT_A, True),
        (b"get weight back/a", b"", False),
        (b"get weight back/a;get weight back/b\n", WEIGHT_A + WEIGHT_B, True),
        (b"get weight back/a\nget weight back/b\n", WEIGHT_A + WEIGHT_B, True),
        (b"get weight back/a\nquit\nget weight back/b\n", WEIGHT_A, True),
        (b"prompt\n", b"\n> ", False),
        (b"prompt;get weight back/a\n", b"\n> " + WEIGHT_A + b"> ", False),
        (b"prompt\nprompt\n", b"\n> \n", True),
        (b"prompt\nprompt;get weight back/a\n", b"\n> \n" + WEIGHT_A, True),
        (b"prompt\nget weight back/a <<\nx\ny\n\n", b"\n> + + + " + WEIGHT_A + b"> ", False),
        (b"get weight back/a <<\nx\n", b"", False),
        (b"get weight back/a <<\nx\n\n", WEIGHT_A, True),
        (b"get weight back/b; get weight back/a <<\nx\n\n", WEIGHT_B + WEIGHT_A, True),
        (b"get weight back/b <<\n\nget weight back/a\n", WEIGHT_B + WEIGHT_A, True),
    ],
)
def test_what_is_said_and_heard(said: bytes, heard: bytes, finished: bool) -> None:
    whole, by_byte = dialogue(), dialogue()
    assert (hear(whole, said), whole.finished) == (heard, finished)
    assert (hear(by_byte, *(bytes([byte]) for byte in said)), by_byte.finished) == (
        # Between two lines of a script the connection would have been closed.
        heard,
        finished,
    )


def test_a_line_that_is_too_long_ends_it() -> None:
    for said in (b"x" * (LONGEST_LINE + 1), b"x" * (LONGEST_LINE + 1) + b"\nget weight back/a\n"):
        made = dialogue()
        assert hear(made, said) == b""
        assert made.overrun
        assert made.finished
        assert made.buffered == 0
    assert hear(dialogue(), b"x" * LONGEST_LINE + b"\n").startswith(b"Unknown command.")


def test_a_payload_that_is_too_long_ends_it() -> None:
    made = dialogue()
    assert hear(made, b"show version <<\n", *([b"x" * 1000 + b"\n"] * 20)) == b""
    assert made.overrun


@pytest.mark.parametrize("said", [b"show version <<\n" + b"y\n" * 8000, b"show " + b"a " * 8000 + b"\n"])
def test_many_small_words_or_lines_take_no_longer_than_few(said: bytes) -> None:
    """The traffic of all clients waits meanwhile: once these took more than a second."""
    made = dialogue()
    began = time.process_time()
    hear(made, said)
    assert time.process_time() - began < 0.3


def test_a_payload_reaches_its_command() -> None:
    client = Client()
    hear(Dialogue(Interpreter(), client.context), b"show version <<\na b\nc\n\n")
    assert client.conversation.payload == "a b\nc"


@given(st.lists(st.binary(max_size=200) | st.sampled_from([b"\n", b";", b" <<\n", b"prompt\n", b"\x00", b"\\"])))
def test_any_bytes_are_taken(pieces: list[bytes]) -> None:
    made = dialogue(Level.USER)
    hear(made, *pieces)
    assert made.buffered <= LONGEST_LINE
