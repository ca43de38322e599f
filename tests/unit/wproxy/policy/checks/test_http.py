from __future__ import annotations

import re

import pytest

from wproxy.policy.checks.http import HttpAnswer, HttpContent, HttpStatus
from wproxy.policy.checks.steps import Judgement, Matcher
from wproxy.policy.checks.verdict import CheckStatus

OK = b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MISSING = b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
UNWANTED = Judgement(False, "HTTP check matched unwanted content")
NO_BODY = Judgement(False, "HTTP content check could not find a response body")


@pytest.mark.parametrize(
    ("matcher", "data", "judgement"),
    [
        (HttpAnswer(), OK, Judgement(True, code=200)),
        (HttpAnswer(), MISSING, Judgement(False, "Not Found", 404, CheckStatus.L7STS)),
        (HttpAnswer(disable_on_404=True), MISSING, Judgement(True, code=404, status=CheckStatus.L7OKC)),
        (HttpAnswer(), b"nonsense", Judgement(False, status=CheckStatus.L7RSP)),
        (HttpAnswer(), OK[:12], None),
        (HttpStatus(codes={404}), MISSING, Judgement(True, code=404)),
        (HttpStatus(codes={200}, negated=True), OK, Judgement(False, "OK", 200, CheckStatus.L7STS)),
        (HttpStatus(codes=re.compile("^2")), OK, Judgement(True, code=200)),
        (HttpContent(pattern=re.compile(b"ell")), OK, Judgement(True, code=200)),
        (HttpContent(pattern=re.compile(b"ell")), OK[:-4], None),
        (HttpContent(pattern=re.compile(b"x")), OK, Judgement(False, "HTTP content check did not match")),
        (HttpContent(pattern=re.compile(b"x")), MISSING, NO_BODY),
        (HttpContent(pattern=re.compile(b"x"), negated=True), OK, Judgement(True, code=200)),
        (
            HttpContent(pattern=re.compile(b"e"), negated=True),
            OK,
            Judgement(False, "HTTP check matched unwanted content"),
        ),
    ],
)
def test_judgement(matcher: Matcher, data: bytes, judgement: Judgement | None) -> None:
    assert matcher.judge(data, False) == judgement
