"""A process and a client made up for the tests of conditions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from tests.unit.wproxy.state.parties import backend, frontend_config, line
from wproxy.config.acl.condition import Acls, parse_condition
from wproxy.config.acl.facts import BackendFacts, Facts, FrontendFacts
from wproxy.config.acl.scope import Scope
from wproxy.config.acl.table_facts import TableFacts
from wproxy.state.frontend import Frontend


class StillProcess:
    """A process in which nothing moves: backend `back` with servers a and b, frontend `front`."""

    def __init__(self) -> None:
        self.backends: Mapping[str, BackendFacts] = {"back": backend(line("a", 3, maxconn=5), line("b", 7, maxconn=1))}
        self.frontends: Mapping[str, FrontendFacts] = {"front": Frontend(frontend_config(), 10)}
        self.tables: Mapping[str, TableFacts] = {}
        self.host_name = "here"
        self.log_line_max = 1023
        self.number = 1
        self.next_number = itertools.count().__next__

    def is_local(self, address: bytes) -> bool:
        return address[0] == 127

    def random(self, limit: int) -> int:
        return limit - 1

    def date_s(self) -> int:
        return 1_700_000_000

    def date_us(self) -> int:
        return 1_700_000_000_123_456

    def date_text(self, layout: str, seconds: int, *, local: bool) -> str:
        return time.strftime(layout, time.gmtime(seconds))

    def proves(self, password: str, encrypted: str) -> bool:
        return encrypted == f"$5${password}"


def scope(**more: Any) -> Scope:
    """Return where the lines stand: in frontend `front`; the file `list` has two networks."""
    files = {"list": "# two\n10.0.0.0/8\n\n \t192.168.0.0/16\r\n#end"}
    given: dict[str, Any] = {
        "backends": {"back": frozenset({"a", "b"}), "off": frozenset({"x"})},
        "frontends": frozenset({"front", "off"}),
        "environ": {"HOME": "/root"},
        "read": files.__getitem__,
    }
    return Scope("front", **{**given, **more})


def facts(source: str | None = "10.1.2.3", destination: str | None = "127.0.0.1", port: int = 4000) -> Facts:
    process = StillProcess()
    made = Facts(process, process.frontends["front"], "front", 1, default_backend="back")
    if source is not None:
        made.source, made.source_port = ip_address(source).packed, port
    if destination is not None:
        made.destination, made.destination_port = ip_address(destination).packed, 80
    return made


def holds(condition: str, source: str | None = "10.1.2.3", **more: Any) -> bool:
    """Tell whether the condition in `if condition` holds for a client from `source`."""
    return parse_condition(["if", *condition.split()], Acls(scope(**more)))(facts(source)) is True
