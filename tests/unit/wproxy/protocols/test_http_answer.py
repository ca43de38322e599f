from __future__ import annotations

import pytest

from wproxy.protocols.http_answer import Answer, AnswerError, parse_answer

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
SIZED = b"HTTP/1.0 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"
ENDLESS = b"HTTP/1.0 200 OK\r\n\r\nhello"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    ("data", "ended", "answer"),
    [
        (CHUNKED, False, Answer(200, "OK", b"hello", True)),
        (CHUNKED + b"junk", False, Answer(200, "OK", b"hello", True)),
        (SIZED, False, Answer(404, "Not Found", b"hello", True)),
        (ENDLESS, False, Answer(200, "OK", b"hello", False)),
        (ENDLESS, True, Answer(200, "OK", b"hello", True)),
        (CONTINUE, False, Answer(100, "Continue", b"", True)),
        (b"HTTP/1.0 500\r\n\r\n", True, Answer(500, "", b"", True)),
    ],
)
def test_answers(data: bytes, ended: bool, answer: Answer) -> None:
    assert parse_answer(data, ended) == answer


@pytest.mark.parametrize("data", [CHUNKED, SIZED, ENDLESS])
def test_parts_of_the_head_wait_for_more_and_parts_of_the_body_are_a_part(data: bytes) -> None:
    head = data.index(b"\r\n\r\n") + 4
    for end in range(len(data)):
        answer = parse_answer(data[:end], False)
        if end < head:
            assert answer is None
        else:
            assert answer is not None
            assert not answer.complete
            assert b"hello".startswith(answer.body)


@pytest.mark.parametrize("data", [b"", b"garbage\r\n\r\n", b"HTTP/1.0 200", b"HTTP/1.0 200 OK\r\nA: b\r\n"])
def test_what_is_no_answer(data: bytes) -> None:
    with pytest.raises(AnswerError):
        parse_answer(data, True)
