from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows, problem_of
from wproxy.config.drafts import ProxyDraft
from wproxy.config.keywords.proxy import PROXY


def test_every_row_is_sound() -> None:
    check_rows(PROXY, {field.name for field in dataclasses.fields(ProxyDraft)})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("mode", "'mode' expects tcp, http or redis"),
        ("mode tpc", "'mode' knows 'tcp', 'http', 'redis', not 'tpc'"),
        ("mode health", "'mode' health is not supported by HAProxy since 2.1 nor by wproxy"),
        ("default_backend", "'default_backend' expects a backend's name"),
        ("timeout client", "'timeout client' expects a time such as 5s (without a unit: milliseconds)"),
        ("retries -1", "'retries' cannot be negative (-1)"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"listen l\n {line}") == problem
