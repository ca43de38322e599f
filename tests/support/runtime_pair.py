"""HAProxy and wproxy side by side on one configuration, asked over their stats sockets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.stats import Stats
from tests.support.tcp_server import listening_socket, port_of
from tests.support.waiting import wait_for

REST = """
global
    nbthread 1
    maxconn 100
    node n1
    description some text
    stats socket {folder}/operator.sock level operator
    stats socket {folder}/user.sock level user
    stats maxconn 20
frontend in
    mode tcp
    bind 127.0.0.1:{port}
    default_backend out
backend out
    server x 127.0.0.1:{up}
"""


@dataclass(frozen=True)
class Pair:
    """HAProxy and wproxy on the same configuration; `section` and the servers there may be changed at will."""

    haproxy: Proxy
    wproxy: Proxy
    up: int

    def ask(self, command: str, level: str = "") -> tuple[str, str]:
        """Return both answers to one line, sent at `level` (admin when it is empty)."""
        first, second = (
            Stats(each.folder / f"{level or each.program}.sock").ask(command) for each in (self.haproxy, self.wproxy)
        )
        return first, second

    def agree(self, *commands: str, level: str = "") -> None:
        for command in commands:
            haproxys, ours = self.ask(command, level)
            assert comparable(ours) == comparable(haproxys), command


def comparable(answer: str) -> str:
    """Return an answer without what must differ: versions, times, the lists of commands, the name of the socket."""
    answer = re.sub(r"2\.6\.\S+", "VERSION", answer)
    answer = re.sub(r"\[\d+/\w+/\d+:[\d:.]+\]", "[TIME]", answer)
    answer = re.sub(r"/\S*/(haproxy|wproxy|operator|user)\S*\.sock", "SOCKET", answer)
    return re.sub(r"(?m)^  [a-z].*\n", "", answer) if " command" in answer.partition("\n")[0] else answer


@contextmanager
def runtime_pair(parent: Path) -> Iterator[Pair]:
    """Run both, each in a folder of its own under `parent`."""
    with ExitStack() as stack:
        up = port_of(stack.enter_context(listening_socket()))
        lines = (
            f"server a 127.0.0.1:{up} weight 30 check inter 24h",
            f"server b 127.0.0.1:{up} weight 70 maxconn 5",
            f"server c 127.0.0.1:{up} disabled",
        )
        made = []
        for program in ("haproxy", "wproxy"):
            folder = parent / program
            folder.mkdir()
            rest = REST.format(folder=folder, port=free_port(), up=up)
            made.append(stack.enter_context(proxy(program, folder, *lines, rest=rest)))
        for each in made:
            wait_for(lambda each=each: each.stats.row("a")["check_status"] == "L4OK", what="a checked")  # type: ignore[misc]
        yield Pair(made[0], made[1], up)
