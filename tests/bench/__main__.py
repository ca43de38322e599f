"""`make bench`: wproxy beside its peers, turn by turn on the same load, as ratios of medians.

usage: python -m tests.bench [--rounds N] [--only WORD] [--requests N]
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench import ingest
from tests.bench.measure import Figures, measure
from tests.bench.peers import Peer, haproxy_tcp, twemproxy, wproxy_key, wproxy_tcp
from tests.bench.report import print_row, print_title
from tests.bench.rows import ROWS, Row
from tests.support.programs import redis_server


def main() -> None:
    """Run every row and print it as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each row (5)")
    parser.add_argument("--only", default="", help="only rows whose name holds this")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the number of requests (1.0)")
    options = parser.parse_args()
    rows = [row for row in ROWS if options.only in row.name]
    if rows:
        _compare(rows, options.rounds, options.scale)
    ingest.run(options.only)


def _compare(rows: list[Row], rounds: int, scale: float) -> None:
    """Measure `rows`, ours and the peers' in turn."""
    with tempfile.TemporaryDirectory(prefix="wproxy-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        servers = [stack.enter_context(redis_server(folder)) for _ in range(2)]
        peers = [
            stack.enter_context(start(folder, servers)) for start in (wproxy_tcp, haproxy_tcp, wproxy_key, twemproxy)
        ]
        print_title()
        for row in rows:
            print_row(row.name, *_rounds(row, peers, rounds, scale))


def _rounds(row: Row, peers: list[Peer], rounds: int, scale: float) -> tuple[list[Figures], list[Figures]]:
    """Measure ours and the peer's in turn, so that a machine that gets slower gets slower for both."""
    ours, theirs = (next(peer for peer in peers if peer.name == name) for name in (row.ours, row.peer))
    ours_figures, theirs_figures = [], []
    for _ in range(rounds):
        ours_figures.append(measure(ours, row, scale))
        theirs_figures.append(measure(theirs, row, scale))
    return ours_figures, theirs_figures


if __name__ == "__main__":
    main()
