from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.options import OPTIONS
from wproxy.config.loader import parse


def test_all_rows_are_options() -> None:
    assert {row.words.split()[0] for row in OPTIONS} == {"option"}


@pytest.mark.parametrize(
    ("line", "redispatch"),
    [
        ("retries 3", None),
        ("option redispatch", -1),
        ("option redispatch 2", 2),
        ("option redispatch 0", None),
        ("no option redispatch", None),
    ],
)
def test_redispatch(line: str, redispatch: int | None) -> None:
    assert parse(f"backend b\n {line}\n", "a.cfg", {}).backends[0].redispatch == redispatch


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("option redispatch x", "'option redispatch' expects an integer, not 'x'"),
        ("option redispatch 1 2", "'option redispatch' cannot handle unexpected argument '2'"),
        (
            "option redispach",
            "unknown keyword 'option redispach' in 'backend' section; did you mean 'option redispatch'?",
        ),
        (
            "option external-check",
            "HAProxy's keyword 'option external-check' is not supported by wproxy: wproxy starts no programs",
        ),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"backend b\n {line}") == problem


def test_strictness_is_told() -> None:
    text = "listen l\n bind :1\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
    warnings = parse(text + " option accept-invalid-http-request\n", "a.cfg", {}).warnings
    assert warnings == (
        "[a.cfg:6] : 'option accept-invalid-http-request' has no effect in wproxy: "
        "what would have been let through is refused: by 400 a request, by 502 a response.",
    )
    assert problem_of("listen l\n option accept-invalid-http-response x") == (
        "'option accept-invalid-http-response' cannot handle unexpected argument 'x'"
    )
