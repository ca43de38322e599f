"""Requests and responses made up for the tests of mode http's expressions and rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.wproxy.config.acl.asking import StillProcess, scope
from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.facts import HttpFacts, Stage, Value
from wproxy.config.acl.sample import parse_sample
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.users import User, UserList
from wproxy.config.http.model import HttpFront, Outcome, Rule
from wproxy.config.loader import parse
from wproxy.errors import ConfigError
from wproxy.protocols.http1.heads import HeadParser, RequestHead, ResponseHead
from wproxy.state.server import Server

REQUEST = (
    b'GET /a/b?x=1&y=2;x=3 HTTP/1.1\r\nHost: H.example:80\r\nFoo: a, "b,c" ,d\r\nfoo: e\r\nN: 12, x, -5\r\n'
    b"Xf: 1.2.3.4:80, ::1, [::2], 5\r\nCookie: a=1; b=22;c=; a=3\r\nAuthorization: Basic dTpw\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 404 Nope\r\nContent-Length: 0\r\nX: a, b\r\nSet-Cookie: s=1; path=/\r\nSet-Cookie: t=2\r\n\r\n"
FILES = {"map": "# keys\na one \nb  two words\na never\n\n", "list": "x\n", "numbers": "a 1\n", "bad": "a x\n"}
USERS = UserList(
    {
        "u": User("p", groups=frozenset({"g"})),
        "crypted": User("$5$word", encrypted=True),
        "nobody": User(),
    }
)


def read(path: str) -> str:
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory")
    return FILES[path]


def http_scope(stage: Stage = Stage.REQUEST, **more: Any) -> Scope:
    return scope(**{"stage": stage, "speaks_http": True, "read": read, "userlists": {"users": USERS}, **more})


def request_head(data: bytes = REQUEST) -> RequestHead:
    head = HeadParser(16384).request(data)
    assert isinstance(head, RequestHead)
    return head


def response_head(data: bytes = RESPONSE) -> ResponseHead:
    head = HeadParser(16384).response(data)
    assert isinstance(head, ResponseHead)
    return head


def http_facts(request: bytes = REQUEST, response: bytes | None = None, slots: tuple[int, int] = (2, 1)) -> HttpFacts:
    """Return the facts of a client at 10.1.2.3 and its request."""
    process = StillProcess()
    made = HttpFacts(process, process.frontends["front"], "front", 1, default_backend="back")
    made.source, made.source_port = b"\x0a\1\2\3", 4000
    made.destination, made.destination_port = b"\x7f\0\0\1", 80
    made.begin(request_head(request), slots)
    made.variables["txn.text"] = "word"
    made.variables["txn.number"] = 5
    if response is not None:
        made.answered(response_head(response))
        made.server_name, made.server_id = "s", 3
    return made


def value(text: str, request: bytes = REQUEST, response: bytes | None = None) -> Value | None:
    """Return what the expression `text` makes of a request, or of its response."""
    stage = Stage.REQUEST if response is None else Stage.RESPONSE
    sample = parse_sample(text, http_scope(stage))
    sample.demand(stage)
    return sample.fetch(http_facts(request, response))


def holds(condition: str, request: bytes = REQUEST, response: bytes | None = None) -> bool:
    """Tell whether the condition in `if condition` holds."""
    stage = Stage.REQUEST if response is None else Stage.RESPONSE
    return parse_condition(["if", *condition.split()], Acls(http_scope(stage)))(http_facts(request, response)) is True


def front(*lines: str) -> HttpFront:
    """Return what a frontend of `lines` is in mode http."""
    text = "frontend f\n mode http\n timeout client 1s\n" + "".join(f" {line}\n" for line in lines)
    [frontend] = parse(text, "a.cfg", {}).frontends
    assert frontend.http is not None
    return frontend.http


def run(rules: tuple[Rule, ...], facts: HttpFacts) -> Outcome | None:
    """Let rules act in order; return what ends them."""
    for rule in rules:
        if rule.condition is None or rule.condition(facts):
            outcome = rule.act(facts)
            if outcome is not None:
                return outcome
    return None


def after(*lines: str, request: bytes = REQUEST) -> tuple[HttpFacts, Outcome | None]:
    """Return the facts after the `http-request` lines, and what ended them."""
    made = front(*lines)
    facts = http_facts(request, slots=made.slots)
    if made.captures is not None and made.captures.request is not None:
        made.captures.request(facts)
    return facts, run(made.request_rules, facts)


def after_response(*lines: str, response: bytes = RESPONSE) -> tuple[HttpFacts, Outcome | None]:
    """Return the facts after the `http-response` lines, and what ended them."""
    made = front(*lines)
    facts = http_facts(REQUEST, response, slots=made.slots)
    if made.captures is not None and made.captures.response is not None:
        made.captures.response(facts)
    return facts, run(made.response_rules, facts)


def problem(*lines: str) -> str:
    """Return what is wrong with the last of the lines of a frontend."""
    text = "frontend f\n mode http\n" + "".join(f" {line}\n" for line in lines)
    with pytest.raises(ConfigError) as caught:
        parse(text, "a.cfg", {})
    [fault] = caught.value.problems
    assert fault.line == 2 + len(lines)
    return fault.message


@dataclass
class Exchange:
    """How far an exchange has come: nowhere yet."""

    idle_since: float = 1.0
    first_byte_at: float = 1.25
    request_at: float = 1.5
    assigned_at: float | None = None
    connected_at: float | None = None
    responded_at: float | None = None
    number: int = -1
    retries: int = 0
    server_queue: int = 0
    backend_queue: int = 0
    termination: str = ""
    cookies: str = "--"
    bytes_in: int = 0
    bytes_out: int = 0
    server: Server | None = None
