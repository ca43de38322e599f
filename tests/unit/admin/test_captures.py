"""admin.captures: HAProxy's paragraphs about invalid requests and responses."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.captures import Capture, parse_errors
from admin.errors import RefusedError

HEAD = "Total events captured on [21/Nov/2026:15:13:55.736] : "
# HAProxy 2.6.12's own, but for a shorter dump.
ANSWER = f"""{HEAD}3
 
[21/Nov/2026:15:13:55.735] frontend web (#3): invalid request
  backend <NONE> (#-1), server <NONE> (#-1), event #2, src 127.0.0.1:36038
  buffer starts at 0 (including 0 out), 16243 free,
  len 141, wraps at 16336, error at position 18
  H1 chunk len 0 bytes, H1 body len 0 bytes :
  
  00000  GET / HTTP/1.1\\r\\n
  00016  xx
  00018+ y
 
[21/Nov/2026:15:13:55.734] backend be2 (#5): invalid response
  frontend fe2 (#4), server s9 (#1), event #1, src 127.0.0.1:35222
  buffer starts at 0 (including 0 out), 16162 free,
  len 222, wraps at 16336, error at position 23
  H1 chunk len 0 bytes, H1 body len 0 bytes :
  
  00000  HTTP/1.0 200 OK\\r\\n


"""  # noqa: W293 - HAProxy's


def test_captured_errors() -> None:
    total, (request, response) = parse_errors(ANSWER)
    assert total == 3
    about = ("buffer starts at 0 (including 0 out), 16243 free,", "len 141, wraps at 16336, error at position 18")
    assert request == Capture(
        event=2,
        time="21/Nov/2026:15:13:55.735",
        side="request",
        proxy="web",
        other_proxy="",
        server="",
        source="127.0.0.1:36038",
        position=18,
        about=(*about, "H1 chunk len 0 bytes, H1 body len 0 bytes"),
        bytes=("00000  GET / HTTP/1.1\\r\\n", "00016  xx", "00018+ y"),
    )
    assert (response.side, response.proxy, response.other_proxy, response.server) == ("response", "be2", "fe2", "s9")
    assert response.bytes == ("00000  HTTP/1.0 200 OK\\r\\n",)


def test_none() -> None:
    assert parse_errors(f"{HEAD}0\n\n") == (0, [])


@pytest.mark.parametrize("answer", ["Permission denied\n\n", ""])
def test_a_refusal(answer: str) -> None:
    with pytest.raises(RefusedError):
        parse_errors(answer)


def test_half_a_paragraph() -> None:
    assert parse_errors(f"{HEAD}1\n \n[t] frontend f (#2): invalid request")[1][0].server == ""


@given(
    st.text()
    | st.builds("\n".join, st.lists(st.sampled_from(ANSWER.splitlines()))).map(lambda text: HEAD + "1\n" + text)
)
def test_any_answer_is_read_or_refused(answer: str) -> None:
    with suppress(RefusedError):
        parse_errors(answer)
