from __future__ import annotations

import h11
import pytest

from wproxy.protocols.http1.answers import ERROR_FIELDS, ERRORS, reason_of, refusal, response


def read(data: bytes) -> tuple[h11.Response, bytes]:
    """Return what a client reads."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    head = client.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return head, body


@pytest.mark.parametrize("status", ERRORS)
def test_a_refusal_is_a_response(status: int) -> None:
    head, body = read(refusal(status))
    assert head.status_code == status
    assert body == ERRORS[status].body(status)
    assert (b"Connection: close\r\n" in refusal(status)) is (status != 422)


def test_a_response() -> None:
    data = response(403, ERROR_FIELDS, b"no\n")
    assert data == (
        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\nno\n"
    )


def test_a_response_that_ends_the_connection() -> None:
    data = response(200, [], b"abc", reason=b"Fine", end=b"connection: close\r\n")
    assert data == b"HTTP/1.1 200 Fine\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"


def test_a_response_with_its_own_length_or_none() -> None:
    data = response(503, [(b"x", b"y")], b"abc", reason=b"Old", minor=0, delimited=True)
    assert data == b"HTTP/1.0 503 Old\r\nx: y\r\n\r\nabc"


def test_a_response_to_head_has_the_length_only() -> None:
    assert response(200, [], b"abc", to_head=True) == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "reason"), [(400, b"Bad request"), (206, b"Partial Content"), (302, b"Found"), (299, b"Other")]
)
def test_reasons(status: int, reason: bytes) -> None:
    assert reason_of(status) == reason
