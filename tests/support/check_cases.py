"""Servers that answer health checks in many ways, all checked at once: what a proxy shows, tells and sends."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.check_server import Questioned, Script, check_server
from tests.support.log_lines import steady
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import full_backlog
from tests.support.waiting import wait_for

COLUMNS = (
    "status", "check_status", "check_code", "last_chk", "check_desc", "check_rise", "check_fall", "check_health",
    "agent_status", "agent_code", "last_agt", "agent_desc", "agent_rise", "agent_fall", "agent_health", "weight",
)  # fmt: skip

DEAD, FULL = "dead", "full"  # nobody listens; nobody accepts

Seen = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Case:
    """Lines of a backend and what its server does; `agent` is what the server's agent says.

    `options` are further ones of the server line; "{port}" is the port of the script, if the line has another one.
    """

    lines: tuple[str, ...]
    server: Script | str
    agent: bytes | None = None
    options: str = ""


@dataclass
class Observed:
    """The columns of every case's server, the notices about all, and what each server was asked."""

    seen: Seen
    notices: set[str]
    asked: dict[str, Questioned]

    def first_questions(self) -> dict[str, bytes]:
        """Return what the first connection to each server has begun with."""
        return {name: asked.questions[0] if asked.questions else b"" for name, asked in self.asked.items()}


@contextmanager
def server_of(script: Script | str) -> Iterator[Questioned]:
    """Run the server of a case."""
    if isinstance(script, Script):
        with check_server(script) as made:
            yield made
    elif script == DEAD:
        yield Questioned(free_port())
    else:
        with full_backlog() as port:
            yield Questioned(port)


def observe(
    program: str, folder: Path, cases: Mapping[str, Case], *, check: str = "inter 1s", settings: str = ""
) -> Observed:
    """Run all cases at once, each as a backend of its name, and return what is seen when every server was checked.

    `settings` is a line of the global section.
    """
    asked: dict[str, Questioned] = {}
    with ExitStack() as stack:
        rest = f"global\n    {settings}\n" + "\n".join(
            _backend(name, case, check, stack, asked) for name, case in cases.items()
        )
        made = stack.enter_context(proxy(program, folder, rest=rest))
        seen = _settled(made, cases)
        held = [name for name, case in cases.items() if isinstance(case.server, Script) and case.server.end == "hold"]
        first = [asked[name].conversations[0] for name in held if asked[name].conversations]
        wait_for(lambda: all(conversation.ending for conversation in first), 30.0, "the first checks ended")
        return Observed(seen, notices(made.log), asked)


def notices(log: str) -> set[str]:
    """Return what a log says about servers and backends, without what differs from run to run."""
    lines = re.findall(r"\[(?:WARNING|ALERT)\] +\(\d+\) : ((?:Server|Health check|Agent check|backend) .*)", log)
    return {steady(line) for line in lines}


def _backend(name: str, case: Case, check: str, stack: ExitStack, asked: dict[str, Questioned]) -> str:
    asked[name] = stack.enter_context(server_of(case.server))
    port, options = asked[name].port, case.options.format(port=asked[name].port)
    line = (
        f"server a 127.0.0.1:{1 if options != case.options else port} weight 100 check {check} rise 1 fall 1 {options}"
    )
    if case.agent is not None:
        spoken = stack.enter_context(check_server(Script((case.agent,))))
        line += f" agent-check agent-send x agent-port {spoken.port} agent-inter 1s"
    return "\n    ".join([f"backend {name}", *case.lines, line])


def _settled(made: Proxy, cases: Mapping[str, Case]) -> Seen:
    """Return the columns of all servers once each has been checked and none is being checked, one by one."""
    seen: Seen = {}

    def look() -> bool:
        for row in csv.DictReader(made.stats.ask("show stat").removeprefix("# ").splitlines()):
            states = row["check_status"], row["agent_status"]
            if row["svname"] == "a" and not any(state == "INI" or state.startswith("*") for state in states):
                seen.setdefault(row["pxname"], {column: row[column] for column in COLUMNS})
        return seen.keys() == cases.keys()

    wait_for(look, 60.0, "every server checked", pause_s=0.1)
    return seen
