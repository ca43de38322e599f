from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.unit.wproxy.state.parties import server
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.policy.checks.words import parse
from wproxy.policy.weight import parse_weight
from wproxy.state.agent import obey
from wproxy.state.server import Server


@dataclass
class Administrator:
    """Notes what it is asked to do."""

    done: list[str] = field(default_factory=list)

    def set_ready(self, server: Server) -> None:
        self.done.append("ready")

    def set_drain(self, server: Server) -> None:
        self.done.append("drain")

    def set_maint(self, server: Server) -> None:
        self.done.append("maint")

    def set_weight(self, server: Server, text: str) -> None:
        self.done.append(str(parse_weight(text, 100)))

    def set_server_maxconn(self, server: Server, maxconn: int) -> None:
        self.done.append(f"maxconn {maxconn}")


GARBAGE = "Trailing garbage in weight string"


@pytest.mark.parametrize(
    ("line", "done", "status", "info"),
    [
        ("up", [], CheckStatus.L7OK, "via agent : up"),
        ("up 5x% # fine", [], CheckStatus.L7OK, f"via agent : up ({GARBAGE})"),
        ("up foo 5x%", [], CheckStatus.L7OK, "via agent : up (foo)"),
        ("UP # fine", [], CheckStatus.L7OK, "via agent : UP (fine)"),
        ("down foo # lunch", [], CheckStatus.L7STS, "via agent : down (lunch)"),
        ("down foo", [], CheckStatus.L7STS, "via agent : down (foo)"),
        ("down 5x%", [], CheckStatus.L7STS, "via agent : down"),
        ("ready 50%", ["ready", "50"], CheckStatus.CHECKED, ""),
        ("drain", ["drain"], CheckStatus.CHECKED, ""),
        ("maint", ["maint"], CheckStatus.CHECKED, ""),
        ("5x%", [], CheckStatus.CHECKED, f"agent warns : {GARBAGE}"),
        ("foo 5x%", [], CheckStatus.CHECKED, "agent reports an error : foo"),
        ("maxconn:", [], CheckStatus.CHECKED, "agent warns : Require <maxconn>."),
        ("maxconn:x", [], CheckStatus.CHECKED, "agent warns : maxconn string empty or preceded by garbage"),
    ],
)
def test_words(line: str, done: list[str], status: CheckStatus, info: str) -> None:
    administrator = Administrator()
    result = obey(administrator, server(), CheckResult(CheckStatus.CHECKED, agent=parse(line)))
    assert (administrator.done, result.status, result.info) == (done, status, info)


def test_maxconn() -> None:
    for line, done in (("maxconn:7", ["maxconn 7"]), ("up", []), ("maxconn:0", ["maxconn 0"])):
        administrator = Administrator()
        obey(administrator, server(), CheckResult(CheckStatus.CHECKED, agent=parse(line)))
        assert administrator.done == done


def test_an_agent_that_said_nothing() -> None:
    silent = CheckResult(CheckStatus.L7TOUT)
    assert obey(Administrator(), server(), silent) is silent
