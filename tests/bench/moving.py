"""What keys on the move cost the others: the same load on one proxy (`balance key`), at rest and after new weights.

Each round measures once at rest and once during a change of weights from 30/70 to 50/50 or back, which moves a fifth of
the slots. There are so many keys that the change is not over when the round is.
"""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.measure import Figures, UnfinishedError, measure
from tests.bench.peers import Peer, Peers
from tests.bench.report import print_row, print_title, print_unfinished
from tests.bench.rows import Row
from tests.support.programs import redis_server
from tests.support.resp import Client, pack
from tests.support.stats import Stats
from tests.support.waiting import wait_for

NAME = "keys on the move"
KEYS = 400_000  # of 100 bytes, beside those of the load
_WEIGHTS = {"30": (50, 50), "50": (30, 70)}  # by the first server's now
_LOADS = (  # each some seven seconds: at the beginning of a change keys cost the most
    ("SET, pipeline 1, 50 clients", 500_000, "-t set -c 50 -r 10000"),
    ("GET, pipeline 1, 50 clients", 500_000, "-t get -c 50 -r 10000"),
    ("SET, pipeline 16, 50 clients", 3_200_000, "-t set -c 50 -P 16 -r 10000"),
    ("GET, pipeline 16, 50 clients", 3_200_000, "-t get -c 50 -P 16 -r 10000"),
)


def run(only: str, rounds: int, scale: float) -> None:
    """Print a row for each load whose name holds `only`: during a change, and at rest."""
    rows = [Row(NAME, "at rest", load, requests, tuple(options.split())) for load, requests, options in _LOADS]
    wanted = [row for row in rows if only in row.name]
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        redis = [stack.enter_context(redis_server(folder)) for _ in range(2)]
        peers = stack.enter_context(Peers(folder, redis))
        peer = peers.get("wproxy key")
        _fill(peer.port)
        print_title()
        for row in wanted:
            try:
                _row(peer, row, rounds, scale)
            except UnfinishedError as error:
                print_unfinished(row.name, str(error))


def _fill(port: int) -> None:
    with Client(port) as client:
        for at in range(0, KEYS, 5_000):
            client.pipeline(pack("SET", f"filler:{number}", "x" * 100) for number in range(at, at + 5_000))


def _row(peer: Peer, row: Row, rounds: int, scale: float) -> None:
    assert peer.stats is not None
    stats = Stats(peer.stats)
    moving: list[Figures] = []
    still: list[Figures] = []
    moved: list[int] = []
    for _ in range(rounds):
        still.append(measure(peer, row, scale))
        before = _epochs(stats)["keys_moved_ever"]
        now = stats.ask("get weight bench/redis0").split()[0]
        for server, weight in enumerate(_WEIGHTS[now]):
            stats.ask(f"set server bench/redis{server} weight {weight}")
        moving.append(measure(peer, row, scale))
        epochs = _epochs(stats)
        if not epochs["slots_left"]:
            raise UnfinishedError("the change was over before the round was")
        moved.append(epochs["keys_moved_ever"] - before)
        wait_for(lambda: not _epochs(stats)["slots_left"], 120.0, "the change is over")
    print_row(row.name, moving, still)
    print(f"  keys moved meanwhile: {median(moved):.0f} ({min(moved)}–{max(moved)})", flush=True)


def _epochs(stats: Stats) -> dict[str, int]:
    """Return the numbers of the backend's line of `show redis epochs`."""
    header, *lines = stats.ask("show redis epochs").splitlines()
    line = next(line for line in lines if line.startswith("bench,,"))
    pairs = zip(header.lstrip("# ").split(","), line.split(","), strict=True)
    return {name: int(value) for name, value in pairs if value.isdigit()}
