from __future__ import annotations

import pytest

from wproxy.policy.checks.smtp import Greeting, HelloAnswer, QuitAnswer
from wproxy.policy.checks.steps import Judgement
from wproxy.policy.checks.verdict import CheckStatus


def wrong(said: str, code: int = 0) -> Judgement:
    return Judgement(False, said, code, CheckStatus.L7STS)


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"220 mail ready\r\n", False, Judgement(True, "mail ready", 220)),
        (b"220 mail ready\n", False, Judgement(True, "mail ready", 220)),
        (b"220\r\n", False, Judgement(True, "", 220)),
        (b"220 mail", False, None),
        (b"220 mail", True, Judgement(True, "mail", 220)),
        (b"554 go away\r\n", False, wrong("go away", 554)),
        (b"220-many\r\n220 lines\r\n", False, Judgement(False, "220-many")),
        (b"220\n", False, Judgement(False, "220")),
        (b"22", True, Judgement(False, "22")),
        (b"\xffgarbage\r\n", False, Judgement(False, "\N{REPLACEMENT CHARACTER}garbage")),
    ],
)
def test_greeting(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert Greeting().judge(data, ended) == judgement


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"250 fine\r\n", False, Judgement(True, "fine", 250)),
        (b"250-fine\r\n250-SIZE\r\n250   HELP\r\n", False, Judgement(True, "fine", 250)),
        (b"250-fine\r\n250 HE", False, None),
        (b"250-fine\r\n250 HE", True, Judgement(True, "fine", 250)),
        (b"250-fine\r\n25", True, wrong("fine", 250)),
        (b"250-fine\n250 lines without returns\n", False, wrong("fine", 250)),
        (b"501 who?\r\n", False, wrong("who?", 501)),
        (b"501-who?\r\n501 you", False, None),
        (b"250-fine\r\n501 who?\r\n", False, wrong("fine", 250)),
        (b"garbage\r\n", False, wrong("age")),
        (b"25", True, wrong("")),
        (b"25a what\r\n", False, wrong("what", 25)),
    ],
)
def test_answer_to_hello(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert HelloAnswer().judge(data, ended) == judgement


@pytest.mark.parametrize(
    ("data", "ended", "judgement"),
    [
        (b"221 bye\r\n", False, Judgement(True, "bye", 221)),
        (b"221-bye\r\n", False, Judgement(True, "bye", 221)),
        (b"221 by", False, None),
        (b"221 by", True, Judgement(True, "by", 221)),
        (b"500 what\r\n", False, wrong("what", 500)),
        (b"22", True, wrong("")),
    ],
)
def test_answer_to_quit(data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert QuitAnswer().judge(data, ended) == judgement
