from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.unserved import UNSERVED
from wproxy.config.loader import parse

LINES = (
    "option checkcache",
    "option http-use-proxy-header",
    "option http-restrict-req-hdr-names reject",
)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_would_change_what_mode_http_does_is_refused_there(line: str) -> None:
    """Ignoring it would serve other traffic than the file says; elsewhere it acts on nothing."""
    text = "listen l\n mode {}\n {}\n"
    keyword = next(row.words for row in UNSERVED if line.startswith(row.words))
    assert problem_of(text.format("http", line)) == (
        f"HAProxy's keyword '{keyword}' is not supported by wproxy in mode http"
    )
    parse(text.format("tcp", line), "a.cfg", {})


def test_an_inherited_line_is_told_once() -> None:
    problem_of("defaults\n mode http\n option checkcache\nlisten a\nlisten b\n")


@pytest.mark.parametrize(
    "lines",
    [
        "option http-restrict-req-hdr-names preserve",
        "option http-restrict-req-hdr-names reject\n option http-restrict-req-hdr-names preserve",
        "option checkcache\n no option checkcache",
    ],
)
def test_what_restricts_nothing_is_taken(lines: str) -> None:
    parse(f"listen l\n mode http\n {lines}\n", "a.cfg", {})


def test_a_parameter_of_a_server_is_refused_too() -> None:
    server = "listen l\n mode {}\n server s 192.0.2.1:80 redir http://a\n"
    assert problem_of(server.format("http")) == "HAProxy's keyword 'redir' is not supported by wproxy in mode http"
    parse(server.format("tcp"), "a.cfg", {})
