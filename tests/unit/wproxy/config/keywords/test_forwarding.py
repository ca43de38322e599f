from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse

HEAD = "listen l\n bind :1\n mode http\n"
HERE = bytes([10, 1, 2, 3])


def test_options() -> None:
    lines = " option forwardfor except 10.0.0.0/8 header X-Client if-none\n option originalto header X-Local\n"
    config = parse(HEAD + lines, "a.cfg", {})
    for http in (config.frontends[0].http, config.backends[0].http):
        assert http is not None
        assert http.forwarded_for is not None
        assert http.original_to is not None
        assert (http.forwarded_for.name, http.forwarded_for.if_none) == (b"x-client", True)
        assert http.forwarded_for.excepted is not None
        assert HERE in http.forwarded_for.excepted
        assert (http.original_to.name, http.original_to.excepted) == (b"x-local", None)


def test_names_by_default_and_defaults() -> None:
    text = "defaults\n mode http\n option forwardfor\n option originalto except ::1\nfrontend f\n bind :1\n"
    http = parse(text, "a.cfg", {}).frontends[0].http
    assert http is not None
    assert http.forwarded_for is not None
    assert http.original_to is not None
    assert (http.forwarded_for.name, http.original_to.name) == (b"x-forwarded-for", b"x-original-to")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "option forwardfor exept 1.2.3.4",
            "'option forwardfor' only supports optional values: 'except', 'header' and 'if-none', not 'exept'; did you "
            "mean 'except'?",
        ),
        (
            "option originalto if-none",
            "'option originalto' only supports optional values: 'except' and 'header', not 'if-none'",
        ),
        ("option forwardfor header", "'option forwardfor' 'header' expects <header_name> as argument"),
        ("option forwardfor header 'a b'", "'option forwardfor' 'header' expects <header_name> as argument"),
        ("option forwardfor except", "'option forwardfor' 'except' expects <address>[/mask] as argument, not ''"),
        ("option forwardfor except x", "'option forwardfor' 'except' expects <address>[/mask] as argument, not 'x'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"{HEAD} {line}\n") == problem
