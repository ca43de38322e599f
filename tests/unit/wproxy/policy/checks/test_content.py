from __future__ import annotations

import re

import pytest

from wproxy.policy.checks.content import Content
from wproxy.policy.checks.steps import Judgement


@pytest.mark.parametrize(
    ("content", "data", "ended", "judgement"),
    [
        (Content(re.compile(b"ab"), "N"), b"xaby", False, Judgement(True)),
        (Content(re.compile(b"ab"), "N"), b"xa", False, None),
        (Content(re.compile(b"ab"), "N"), b"xa", True, Judgement(False, "TCPCHK did not match content N")),
        (Content(re.compile(b"ab"), "N", min_recv=0), b"x", False, Judgement(False, "TCPCHK did not match content N")),
        (Content(re.compile(b"ab"), "N", min_recv=4), b"xab", False, None),
        (Content(re.compile(b"ab"), "N", min_recv=4), b"xab", True, Judgement(True)),
        (Content(re.compile(b"ab"), "N", True), b"xaby", False, Judgement(False, "TCPCHK matched unwanted content N")),
        (Content(re.compile(b"ab"), "N", True), b"xa", False, None),
        (Content(re.compile(b"ab"), "N", True), b"xa", True, Judgement(True)),
        (Content(re.compile(b"^2B00"), "N", hexadecimal=True), b"+\0x", False, Judgement(True)),
        (Content(re.compile(b"2b"), "N", hexadecimal=True), b"+", False, None),
    ],
)
def test_judgement(content: Content, data: bytes, ended: bool, judgement: Judgement | None) -> None:
    assert content.judge(data, ended) == judgement
