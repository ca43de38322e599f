"""Live sessions as `show sess` tells them, in HAProxy's form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from admin.client import refusal

_LINE = re.compile(r"(0x[0-9a-f]+): (.*)")
_FACT = re.compile(r"(\w+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Session:
    """One client's connection; `number` is what `shutdown session` takes."""

    number: str
    source: str
    frontend: str
    backend: str
    server: str
    age: str
    expires: str


def parse_sessions(answer: str) -> list[Session]:
    """Return the sessions, but for those of stats sockets; raise RefusedError when `answer` is the proxy's words."""
    lines = [line for line in answer.splitlines() if line]
    matches = [_LINE.match(line) for line in lines]
    if lines and not any(matches):
        raise refusal(answer)
    found = [_session(match) for match in matches if match is not None]
    return [session for session in found if session.frontend != "GLOBAL"]


def _session(match: re.Match[str]) -> Session:
    facts = dict(_FACT.findall(match[2]))
    return Session(
        number=match[1],
        source=facts.get("src", ""),
        frontend=facts.get("fe", ""),
        backend=_named(facts.get("be", "")),
        server=_named(facts.get("srv", "")),
        age=facts.get("age", ""),
        expires=facts.get("exp", ""),
    )


def _named(text: str) -> str:
    return "" if text.startswith("<") else text
