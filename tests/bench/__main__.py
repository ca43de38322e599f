"""`make bench`: wproxy beside its peers, turn by turn on the same load, as ratios of medians.

usage: python -m tests.bench [--rounds N] [--only WORD] [--scale X]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TypeVar

from tests.bench import capture, http, ingest, moving
from tests.bench.measure import Figures, UnfinishedError, connection_kb, measure
from tests.bench.peers import Peers
from tests.bench.report import print_growth, print_memory, print_row, print_title, print_unfinished
from tests.bench.rows import GROWTHS, ROWS, Crowd, Row
from tests.support.programs import redis_server

T = TypeVar("T")


def main() -> None:
    """Run every row and print it as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each row (5)")
    parser.add_argument("--only", default="", help="only rows whose name holds this")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of requests (1.0)")
    options = parser.parse_args()
    if any(options.only in row.name for row in ROWS):
        _proxies(options)
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name:
        http.run(options.only, options.rounds, options.scale, Path(name))
    moving.run(options.only, options.rounds, options.scale)
    if options.only in capture.NAME:
        capture.run(options.rounds)
    ingest.run(options.only)


def _proxies(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        redis = [stack.enter_context(redis_server(folder)) for _ in range(2)]
        peers = stack.enter_context(Peers(folder, redis))
        print_title()
        measured: dict[str, dict[str, float]] = {}  # load: side: µs per request
        for row in ROWS:
            if options.only in row.name:
                _run(row, peers, options.rounds, options.scale, measured)
        _print_growths(measured)


def _run(row: Row | Crowd, peers: Peers, rounds: int, scale: float, measured: dict[str, dict[str, float]]) -> None:
    """Measure and print one row, or say why it has no figures."""
    try:
        if isinstance(row, Crowd):
            print_memory(row.name, *_in_turn(row, rounds, lambda name: _crowd(peers, name, row.connections)))
            return
        ours, theirs = _in_turn(row, rounds, lambda name: measure(peers.get(name, row.servers), row, scale))
    except UnfinishedError as error:
        print_unfinished(row.name, str(error))
        return
    print_row(row.name, ours, theirs)
    sides = measured.setdefault(row.load, {})
    sides[row.ours], sides[row.peer] = _cpu_us(ours), _cpu_us(theirs)


def _in_turn(row: Row | Crowd, rounds: int, one: Callable[[str], T]) -> tuple[list[T], list[T]]:
    """Measure ours and the peer's in turn, so that a machine that gets slower gets slower for both."""
    pairs = [(one(row.ours), one(row.peer)) for _ in range(rounds)]
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]


def _crowd(peers: Peers, name: str, connections: int) -> float:
    """Measure a program that has served nobody yet: memory that it got once it may keep."""
    with ExitStack() as stack:
        return connection_kb(peers.start(name, 2, stack), connections)


def _cpu_us(figures: list[Figures]) -> float:
    return median(each.cpu_us for each in figures)


def _print_growths(measured: dict[str, dict[str, float]]) -> None:
    """Print how flat the costs are, where both rows of a pair were measured."""
    for growth in GROWTHS:
        less, more = measured.get(growth.of, {}), measured.get(growth.to, {})
        sides = {name: (less[name], more[name]) for name in less if name in more and less[name]}
        if sides:
            print_growth(growth, sides)


if __name__ == "__main__":
    main()
