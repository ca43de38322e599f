from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.rules import RULES


def test_every_row_acts() -> None:
    assert all(row.action is not None for row in RULES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("frontend f\n acl a", "'acl' expects a name, a fetch such as src, dst_port or nbsrv(backend), and patterns"),
        (
            "frontend f\n acl a/b src 1",
            "'acl' has a name with a character other than letters, digits and '-_.:': 'a/b'",
        ),
        ("defaults\n acl a src 1", "'acl' cannot stand in a 'defaults' section without a name"),
        ("frontend f\n use_backend", "'use_backend' expects a backend's name"),
        (
            "frontend f\n use_backend b_%ci",
            "'use_backend b_%ci' computes a backend's name of expressions only but in 'mode http', as in %[src]",
        ),
        ("backend b\n use-server s", "'use-server' expects a server's name, then 'if' or 'unless' and a condition"),
        (
            "backend b\n server a h:1\n use-server a_%ci if TRUE",
            "'use-server a_%ci' computes a server's name of expressions only but in 'mode http', as in %[src]",
        ),
        (
            "frontend f\n tcp-request connection",
            "'tcp-request connection' expects 'accept', 'reject' or a 'track-sc', not ''",
        ),
        (
            "frontend f\n tcp-request connection rejekt",
            "'tcp-request connection' expects 'accept', 'reject' or a 'track-sc', not 'rejekt'; did you mean 'reject'?",
        ),
        (
            "frontend f\n tcp-request connection silent-drop",
            "'tcp-request connection' silent-drop is not supported by wproxy; it knows accept, reject, track-sc0, "
            "track-sc1, track-sc2, sc-inc-gpc0, sc-inc-gpc1, sc-set-gpt0",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert problem_of(text) == problem
