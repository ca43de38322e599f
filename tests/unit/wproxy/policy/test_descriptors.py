from __future__ import annotations

import pytest

from wproxy.config.loader import parse
from wproxy.policy.descriptors import reserved

LISTEN = "listen l\n mode {mode}\n bind 127.0.0.1:7001\n"
SERVER = " server s{number} 127.0.0.1:1 {more}\n"


def needed(*lines: str, mode: str = "tcp", head: str = "") -> int:
    return reserved(parse(head + LISTEN.format(mode=mode) + "".join(lines), "a.cfg", {}))


def servers(count: int, more: str = "") -> str:
    return "".join(SERVER.format(number=number, more=more) for number in range(count))


def test_a_process_has_some_of_its_own_and_ten_clients_of_stats_sockets() -> None:
    assert 40 <= needed() <= 55


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"lines": (servers(200),)}, 0),
        ({"lines": (servers(200, "check"),)}, 200),
        ({"lines": (servers(200),), "mode": "redis"}, 400),
        ({"lines": (servers(200, "check"),), "mode": "redis"}, 600),
        ({"lines": (" bind 127.0.0.1:7002-7051\n",)}, 250),
        ({"lines": (" log 127.0.0.1 local0\n log 127.0.0.1 local1\n log 127.0.0.1:515 local0\n",)}, 2),
        ({"head": "global\n stats maxconn 50\n stats socket /a\n stats socket /b\n"}, 42),
    ],
)
def test_what_a_line_adds(more: dict[str, tuple[str, ...]], count: int) -> None:
    lines = more.get("lines", ())
    assert needed(*lines, mode=str(more.get("mode", "tcp")), head=str(more.get("head", ""))) == needed() + count
