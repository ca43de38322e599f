"""How many new clients a second are let in: HAProxy and wproxy leave the others in the kernel's queue.

A limit holds for a sliding second, which may let more clients in within one second of the clock.
"""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.crews import crew
from tests.support.programs import free_port
from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import connect, named_server, read_all
from tests.support.waiting import wait_for

LIMIT, CLIENTS = 5, 16
BOTH = pytest.mark.parametrize("program", ["haproxy", "wproxy"])


def rates(made: Proxy) -> list[str]:
    """Return what is told of limits of rates."""
    return re.findall(r"(?m)^\w+RateLimit: \d+$", made.stats.ask("show info"))


def pass_all(port: int) -> list[str]:
    """Return what clients hear who come all at once."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(port)) for _ in range(CLIENTS)]
        return [read_all(client).decode() for client in clients]


@BOTH
def test_a_frontend(tmp_path: Path, program: str) -> None:
    with (
        named_server("a") as a,
        proxy(program, tmp_path, f"server a 127.0.0.1:{a}", f"rate-limit sessions {LIMIT}") as made,
    ):
        assert pass_all(made.port) == ["a"] * CLIENTS
        assert made.stats.numbers("FRONTEND", "rate_lim", "stot") == (LIMIT, CLIENTS)
        assert 1 <= made.stats.numbers("FRONTEND", "rate_max")[0] < CLIENTS
        assert made.stats.numbers("BACKEND", "rate_lim") == (0,)


@BOTH
@pytest.mark.parametrize("keyword", ["maxconnrate", "maxsessrate"])
def test_the_process(tmp_path: Path, program: str, keyword: str) -> None:
    rest = f"global\n    {keyword} {LIMIT}\n"
    with named_server("a") as a, proxy(program, tmp_path, f"server a 127.0.0.1:{a}", rest=rest) as made:
        assert pass_all(made.port) == ["a"] * CLIENTS
        assert f"{'Conn' if keyword == 'maxconnrate' else 'Sess'}RateLimit: {LIMIT}" in rates(made)
        highest = re.search(
            rf"Max{'Conn' if keyword == 'maxconnrate' else 'Sess'}Rate: (\d+)", made.stats.ask("show info")
        )
        assert highest is not None
        assert 1 <= int(highest[1]) < CLIENTS
        made.stats.ask("set rate-limit connections global 0;set rate-limit sessions global 0")
        assert not [line for line in rates(made)[:2] if not line.endswith(" 0")]


@pytest.mark.parametrize("limit", [1, 6])
def test_several_workers_share_a_rate(tmp_path: Path, limit: int) -> None:
    """Each has its part; a worker whose part is none accepts nobody, and the others do."""
    port = free_port()
    with named_server("a") as a:
        lines = f"listen main\n bind 127.0.0.1:{port}\n rate-limit sessions {limit}\n server a 127.0.0.1:{a}\n"
        with crew(tmp_path, lines) as made, ExitStack() as stack:
            clients = [stack.enter_context(connect(port)) for _ in range(3)]
            assert [read_all(client) for client in clients] == [b"a"] * 3
            wait_for(lambda: made.stats.numbers("FRONTEND", "stot") == (3,), what="all are counted")
            assert made.stats.numbers("FRONTEND", "rate_lim") == (limit,)
