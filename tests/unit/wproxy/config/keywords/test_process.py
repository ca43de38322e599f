from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows, problem_of
from wproxy.config.drafts import GlobalDraft
from wproxy.config.keywords.process import GLOBAL
from wproxy.config.loader import parse


def test_every_row_is_sound() -> None:
    check_rows(GLOBAL, {field.name for field in dataclasses.fields(GlobalDraft)})


def test_description_is_the_rest_of_the_line() -> None:
    assert parse("global\n description a  b c", "a.cfg", {}).globals.description == "a b c"


def test_spread_checks() -> None:
    config = parse("global\n spread-checks 25\n max-spread-checks 2s\n", "a.cfg", {})
    assert (config.globals.spread_checks, config.globals.max_spread_checks_s) == (0.25, 2.0)


@pytest.mark.parametrize("lines", ["user root\n group root", "uid 0\n gid 0", "user root\n uid 5\n gid 0\n gid 9"])
def test_user_and_group(lines: str) -> None:
    config = parse(f"global\n {lines}\n chroot /var", "a.cfg", {})
    assert (config.globals.user, config.globals.group, config.globals.chroot) == (0, 0, "/var")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("description", "'description' expects a text"),
        ("nbproc 2", "HAProxy's keyword 'nbproc' is not supported by wproxy: HAProxy dropped it in 2.5, use nbthread"),
        ("spread-checks 51", "'spread-checks' needs a percentage from 0 to 50, not 51"),
        ("user no-such-user", "'user' names no user of this machine: 'no-such-user'"),
        ("group no-such-group", "'group' names no group of this machine: 'no-such-group'"),
        ("uid x", "'uid' expects an integer, not 'x'"),
        ("daemon x", "'daemon' cannot handle unexpected argument 'x'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"global\n {line}") == problem


@pytest.mark.parametrize(
    ("line", "asked"), [("daemon", False), ("master-worker", True), ("master-worker no-exit-on-failure", True)]
)
def test_a_master(line: str, *, asked: bool) -> None:
    assert parse(f"global\n {line}\n", "a.cfg", {}).globals.master_worker is asked
    assert problem_of("global\n master-worker x") == "'master-worker' supports 'no-exit-on-failure' only, not 'x'"
