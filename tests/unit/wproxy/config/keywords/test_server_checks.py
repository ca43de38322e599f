from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.checks import AgentSettings
from wproxy.config.loader import parse
from wproxy.config.model import CheckSettings, ServerLine


def server(parameters: str) -> ServerLine:
    return parse(f"backend b\n server a h:1 {parameters}\n", "a.cfg", {}).backends[0].servers[0]


def test_check() -> None:
    line = server("check inter 1s fastinter 2s downinter 3s addr ::1 port 4 rise 5 fall 6")
    assert line.check == CheckSettings(1.0, 5, 6, 2.0, 3.0, "::1", 4)
    assert server("fastinter 2s port 4").check is None


def test_agent() -> None:
    line = server("agent-check agent-port 1 agent-addr h2 agent-inter 2s agent-send x\\n")
    assert line.agent == AgentSettings(1, "h2", 2.0, b"x\n")
    assert server("agent-check no-agent-check agent-port 1").agent is None


def test_marks() -> None:
    line = server("on-marked-down shutdown-sessions on-marked-up shutdown-backup-sessions")
    assert (line.shutdown_on_down, line.shutdown_backups_on_up) == (True, True)


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ("agent-check", "'server a' : 'agent-check' needs to know where: add 'agent-port <port>'"),
        ("port 70000", "'server a' : 'port' cannot be more than 65535, not 70000"),
        ("addr *", "'server a' : 'addr' needs a host, not '*'"),
        ("fastinter 0", "'server a' : 'fastinter' expects a time above 0, not '0'"),
        ("on-marked-down x", "'server a' : 'on-marked-down' only knows 'shutdown-sessions', not 'x'"),
        ("on-marked-up x", "'server a' : 'on-marked-up' only knows 'shutdown-backup-sessions', not 'x'"),
    ],
)
def test_problems(parameters: str, problem: str) -> None:
    assert problem_of(f"backend b\n server a h:1 {parameters}") == problem
