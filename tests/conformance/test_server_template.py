"""Servers that a template makes: the same on HAProxy and on wproxy, to their numbers and the order of their turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import ask_name, named_server

TEMPLATES = {
    "number": ["server-template w 3 localhost:{port}"],
    "range": ["server-template w 4-6 127.0.0.1:{port} weight 3"],
    "from nought": ["server-template w 00-2 127.0.0.1:{port} maxconn 9"],
    "among others": [
        "server a 127.0.0.1:{port}",
        "server-template b 2-2 127.0.0.1:{port}",
        "server c 127.0.0.1:{port}",
    ],
    "two": ["server-template b 2 127.0.0.1:{port} disabled", "server-template c 2 127.0.0.1:{port} backup"],
    "defaults": ["default-server weight 50", "server-template w 2 127.0.0.1:{port} check inter 24h"],
}


@pytest.mark.parametrize("lines", TEMPLATES.values(), ids=TEMPLATES)
def test_servers_of_a_template(tmp_path: Path, lines: list[str]) -> None:
    def run(made: Proxy) -> list[object]:
        assert [ask_name(made.port) for _ in range(7)] == ["a"] * 7
        made.stats.wait_until_idle()
        state = [line.split()[:4] for line in made.stats.ask("show servers state").splitlines()[2:]]
        columns = ("svname", "sid", "weight", "stot", "act", "bck")
        return [
            state,
            [[row[column] for column in columns] for name, row in made.stats.rows().items() if name != "FRONTEND"],
        ]

    found = {}
    with named_server("a") as port:
        section = [line.format(port=port) for line in lines]
        for program in ("haproxy", "wproxy"):
            with proxy(program, tmp_path, *section, port=free_port()) as made:
                found[program] = run(made)
    assert found["wproxy"] == found["haproxy"]
