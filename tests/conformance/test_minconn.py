"""How the limit of a server with `minconn` follows the load of its backend: the same on HAProxy and on wproxy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.test_balance import clients_of, counted, lines, on_both
from tests.support.holding import holding_server
from tests.support.proxies import Proxy
from tests.support.waiting import wait_for


@pytest.fixture(scope="module")
def holding() -> Iterator[dict[str, int]]:
    """Servers that say their names and stay."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(holding_server(name)) for name in "ab"}


LIMITS = {
    "grows": ("fullconn 12", "minconn 2 maxconn 6", "minconn 1 maxconn 4"),
    "one of the two has none": ("fullconn 12", "minconn 2 maxconn 6", "maxconn 3"),
    "minconn alone": ("fullconn 12", "minconn 2", "minconn 3"),
    "minconn above maxconn": ("fullconn 12", "minconn 4 maxconn 2", "maxconn 3 minconn 3"),
    "soon full": ("fullconn 3", "minconn 1 maxconn 6", "minconn 1 maxconn 5"),
    "maxconn 0": ("fullconn 12", "minconn 2 maxconn 0", "minconn 0 maxconn 3"),
}


def settled(made: Proxy, free: int) -> dict[str, tuple[int, ...]]:
    """Return what is counted when `free` clients have gone."""
    wait_for(lambda: made.stats.numbers("FRONTEND", "scur") == (14 - free,), what=f"{free} have gone")
    return counted(made)


@pytest.mark.parametrize("balance", ["roundrobin", "leastconn", "first", "source"])
@pytest.mark.parametrize("name", LIMITS)
def test_who_waits_and_who_is_served(tmp_path: Path, holding: dict[str, int], balance: str, name: str) -> None:
    fullconn, first, second = LIMITS[name]

    def run(made: Proxy) -> list[object]:
        seen: list[object] = [made.stats.rows()[each]["slim"] for each in ("a", "b", "BACKEND")]
        with clients_of(made) as clients:
            held = []
            for _ in range(14):
                held += clients.come(1)
                seen.append(counted(made))
            waiting = {id(client) for client in held}
            for gone in range(1, 5):  # whoever has a server, so that those who wait follow
                client = next(each for each in held if id(each) in waiting)
                waiting.discard(id(client))
                client.close()
                seen.append(settled(made, gone))
            return seen

    on_both(tmp_path, lines(holding, f"balance {balance}\ntimeout queue 20s\n{fullconn}", a=first, b=second), run)


def test_a_maxconn_set_at_runtime(tmp_path: Path, holding: dict[str, int]) -> None:
    def run(made: Proxy) -> list[object]:
        seen: list[object] = []
        with clients_of(made) as clients:
            clients.come(6)
            for maxconn in (6, 3, 2, 5, 4):  # with 2 it is equal to `minconn`, and both change from then on
                made.stats.ask(f"set maxconn server main/a {maxconn}")
                clients.come(1)
                seen.append(counted(made))
        return seen

    section = lines(holding, "timeout queue 20s\nfullconn 10", a="minconn 2 maxconn 4")
    on_both(tmp_path, section, run)
