"""What is probed: a server, or the agent that speaks for it.

Where, how and how often is looked up for each check anew, because the stats socket may change it in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeAlias

from wproxy.config.model import Address, CheckSettings
from wproxy.config.tls import TlsServer
from wproxy.policy.checks.kinds import plan_of_agent
from wproxy.policy.checks.steps import Connect, Plan
from wproxy.policy.checks.verdict import CheckResult
from wproxy.state.server import Server

Report: TypeAlias = Callable[[Server, CheckResult], None]


class Target(Protocol):
    """What a probe asks again and again; `inter_s` is the longest that one check may take."""

    server: Server
    inter_s: float

    def begin(self) -> bool:
        """Tell whether it is to be asked now, and take note that it is."""

    def plan(self) -> Plan:
        """Return what to ask."""

    def address(self, step: Connect) -> Address:
        """Return where `step` connects to: its own words first, then those of the check, then where it serves."""

    def header(self) -> int | None:
        """Return the version of the PROXY header that a connection begins with."""

    def tls(self, step: Connect) -> TlsServer | None:
        """Return how TLS is spoken on the connection of `step`, None for not at all."""

    def interval_s(self) -> float:
        """Return the seconds from the end of this check to the next one."""

    def report(self, result: CheckResult) -> None:
        """Take note of what the check has found."""


class HealthTarget:
    """A server, asked by its own protocol."""

    def __init__(self, server: Server, check: CheckSettings, plan: Plan, report: Report) -> None:
        self.server = server
        self.inter_s = check.inter_s
        self._check = check
        self._plan = plan
        self._report = report

    def begin(self) -> bool:
        """Ask unless checks are off, or the server is in maintenance."""
        self.server.check_running = self.server.checking and not self.server.admin.maint
        return self.server.check_running

    def plan(self) -> Plan:
        """Return the backend's kind of check."""
        return self._plan

    def address(self, step: Connect) -> Address:
        """Return where to connect to."""
        return _elsewhere(self.server.address, step.host or self.server.check_host, step.port or self.server.check_port)

    def header(self) -> int | None:
        """Return the server's, unless the check goes elsewhere and `check-send-proxy` does not ask for it."""
        line = self.server.line
        if line.check_send_proxy:
            return line.send_proxy or 1
        elsewhere = self.server.check_host is not None or self.server.check_port is not None
        return None if elsewhere else line.send_proxy

    def tls(self, step: Connect) -> TlsServer | None:
        """Return what the step asks for, else the server's line."""
        if step.ssl and self._check.rule_tls is not None:
            return replace(self._check.rule_tls, sni=step.sni)
        return self._check.tls if step.default else None

    def interval_s(self) -> float:
        """Return `inter`, `downinter` or `fastinter`, by where the server stands."""
        health, check = self.server.health, self._check
        if health.full:
            return check.inter_s
        if health.counter == 0:
            return check.downinter_s or check.inter_s
        return check.fastinter_s or check.inter_s

    def report(self, result: CheckResult) -> None:
        """Tell the server's health."""
        self._report(self.server, result)


class AgentTarget:
    """A server's agent, which answers a line."""

    def __init__(self, server: Server, report: Report) -> None:
        assert server.agent is not None
        self.server = server
        self._agent = server.agent
        self.inter_s = server.agent.inter_s
        self._report = report

    def begin(self) -> bool:
        """Ask unless somebody has stopped that."""
        self._agent = self.server.agent or self._agent
        self.server.agent_running = self.server.agent_asked
        return self.server.agent_running

    def plan(self) -> Plan:
        """Return the question of the agent's line, or of the stats socket."""
        return plan_of_agent(self._agent)

    def address(self, step: Connect) -> Address:
        """Return where the agent listens."""
        return _elsewhere(self.server.address, self._agent.host, self._agent.port)

    def header(self) -> None:
        """An agent gets no PROXY header."""

    def tls(self, step: Connect) -> None:
        """An agent speaks no TLS."""

    def interval_s(self) -> float:
        """Return `agent-inter`."""
        return self.inter_s

    def report(self, result: CheckResult) -> None:
        """Tell what it said."""
        self._report(self.server, result)


def _elsewhere(serves: Address, host: str | None, port: int | None) -> Address:
    if host is None and port is None:
        return serves
    return replace(serves, path="" if host else serves.path, host=host or serves.host, port=port or serves.port)
