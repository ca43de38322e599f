from __future__ import annotations

import pytest

from tests.unit.wproxy.config.http.exchange import front
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.http.model import Closing, HttpBack, HttpTimeouts, RetryOn, Reuse
from wproxy.config.loader import parse


def back(*lines: str) -> HttpBack:
    text = "backend b\n mode http\n" + "".join(f" {line}\n" for line in lines)
    [backend] = parse(text, "a.cfg", {}).backends
    assert backend.http is not None
    return backend.http


@pytest.mark.parametrize(
    ("lines", "closing"),
    [
        ([], Closing.KEEP_ALIVE),
        (["option http-server-close"], Closing.SERVER_CLOSE),
        (["option http-server-close", "option httpclose"], Closing.CLOSE),
        (["option httpclose", "option http-keep-alive"], Closing.KEEP_ALIVE),
        (["option httpclose", "no option httpclose"], Closing.KEEP_ALIVE),
        (["option httpclose", "no option http-server-close"], Closing.CLOSE),
    ],
)
def test_closing(lines: list[str], closing: Closing) -> None:
    assert front(*lines).closing is back(*lines).closing is closing


def test_times() -> None:
    made = front("timeout http-request 5s", "timeout http-keep-alive 200ms")
    assert made.timeouts == HttpTimeouts(5.0, 0.2)


def test_of_backends() -> None:
    assert back("http-reuse always").reuse is Reuse.ALWAYS
    assert back("option abortonclose").abort_on_close
    assert not back("option abortonclose", "no option abortonclose").abort_on_close


@pytest.mark.parametrize(
    ("lines", "made"),
    [
        ([], RetryOn()),
        (["retry-on none"], RetryOn(connect=False)),
        (["retry-on 0rtt-rejected"], RetryOn(connect=False)),
        (["retry-on conn-failure empty-response 404 503"], RetryOn(empty=True, statuses=frozenset({404, 503}))),
        (["retry-on 500", "retry-on junk-response"], RetryOn(connect=False, junk=True)),
        (
            ["retry-on all-retryable-errors 401"],
            RetryOn(empty=True, junk=True, timeout=True, statuses=frozenset({401, 500, 502, 503, 504})),
        ),
    ],
)
def test_what_is_tried_again(lines: list[str], made: RetryOn) -> None:
    assert back(*lines).retry_on == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("backend b\n http-reuse sometimes", "'http-reuse' knows never, safe, aggressive, always, not 'sometimes'"),
        (
            "backend b\n retry-on",
            "'retry-on' expects at least one of none, conn-failure, empty-response, junk-response, response-timeout, "
            "0rtt-rejected, all-retryable-errors or a status",
        ),
        (
            "backend b\n retry-on 500 empty-respons",
            "'retry-on' knows none, conn-failure, empty-response, junk-response, response-timeout, 0rtt-rejected, "
            "all-retryable-errors and the statuses 401, 403, 404, 408, 425, 500, 501, 502, 503, 504, not "
            "'empty-respons'; did you mean 'empty-response'?",
        ),
        ("backend b\n retry-on none 500", "'retry-on' cannot have anything beside 'none'"),
        ("defaults\n http-request deny", "'http-request' cannot stand in a 'defaults' section without a name"),
        ("listen l\n errorfile", "'errorfile' expects a status"),
        ("listen l\n monitor-uri", "'monitor-uri' expects an address such as /health"),
        ("listen l\n option httpclose x", "'option httpclose' cannot handle unexpected argument 'x'"),
        ("listen l\n capture cookie", "'capture cookie' expects a cookie's name"),
    ],
)
def test_problems(text: str, message: str) -> None:
    assert problem_of(text) == message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("unique-id-format", "'unique-id-format' expects a log-format string"),
        ("unique-id-header", "'unique-id-header' expects a header field's name"),
    ],
)
def test_lines_with_one_word(line: str, message: str) -> None:
    assert problem_of(f"defaults\n mode http\n {line}\n") == message
    text = "defaults\n mode http\n unique-id-header X-Id\nfrontend f\n bind :1\n"
    [frontend] = parse(text, "a.cfg", {}).frontends
    assert frontend.http is not None
    assert frontend.http.unique_field == b"x-id"
