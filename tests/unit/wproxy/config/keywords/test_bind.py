from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows, problem_of
from wproxy.config.drafts import BindDraft
from wproxy.config.keywords.bind import PARAMETERS
from wproxy.config.loader import parse


def test_every_row_is_sound() -> None:
    check_rows(PARAMETERS, {field.name for field in dataclasses.fields(BindDraft)})


def test_clients_that_begin_with_a_header() -> None:
    first, second = parse("listen l\n bind :80 accept-proxy\n bind :81\n", "a.cfg", {}).frontends[0].binds
    assert (first.accept_proxy, second.accept_proxy) == (True, False)


@pytest.mark.parametrize(
    ("lines", "numbers"),
    [
        ((":1,:2", ":3"), [1, 2, 3]),
        ((":1 id 2", ":2", ":3"), [2, 3, 4]),
        ((":1 id 9", ":2", ":3 id 3", ":4"), [9, 2, 3, 4]),
        ((":1", ":2", ":3 id 1"), [2, 3, 1]),
    ],
)
def test_numbers(lines: tuple[str, ...], numbers: list[int]) -> None:
    text = "listen l\n" + "".join(f" bind {line}\n" for line in lines)
    [frontend] = parse(text, "a.cfg", {}).frontends
    assert [bind.number for bind in frontend.binds] == numbers


def test_parameters_without_effect_are_listed() -> None:
    config = parse("listen l\n bind :80 backlog 5 tfo\n", "a.cfg", {})
    assert [line.keyword for line in config.ignored] == ["bind backlog", "bind tfo"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listen l\n bind", "'bind' expects a path or address:port, several after commas"),
        ("listen l\n bind :0", "'bind' has an invalid port '0' in ':0'"),
        (
            "listen l\n bind :80 ssl",
            "'bind *:80' in section 'listen' : no SSL certificate specified: add 'crt' with a file, or a folder that "
            "has one",
        ),
        ("listen l\n bind :80 id 0", "'bind' : 'id' has to be > 0, not 0"),
        ("listen l\n bind :80-81 id 3", "'bind' can give an 'id' to one address only: write a line for each"),
        ("listen l\n bind :80 id 3\n bind :81\n bind :82 id 3", "'bind' cannot have id 3, which line 2 has already"),
        ("listen l\n bind :80 lvl x", "'bind' : unknown keyword 'lvl'; did you mean 'level'?"),
        ("global\n stats socket", "'stats socket' expects a path or address:port, several after commas"),
        (
            "global\n stats socket /tmp/s level root",
            "'stats socket' : 'level' only supports 'user', 'operator' and 'admin', not 'root'",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert problem_of(text) == problem
