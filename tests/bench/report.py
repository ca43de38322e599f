"""Prints a row: both sides' medians and the ratio of ours to theirs, with its range over the rounds."""

from __future__ import annotations

from statistics import median

from tests.bench.measure import Figures


def print_title() -> None:
    """Print what the columns are."""
    print("ratio: requests/s of ours ÷ theirs, median of the rounds (min–max). cpu: µs per request.")
    print(f"{'load':58} {'ratio':22} {'rate':>19} {'cpu':>13} {'p50 ms':>13} {'p99 ms':>13} {'MB':>11}")


def print_row(name: str, ours: list[Figures], theirs: list[Figures]) -> None:
    """Print one row."""
    ratios = [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]
    spread = f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"

    def pair(field: str, width: int, digits: int) -> str:
        values = (median(getattr(figures, field) for figures in side) for side in (ours, theirs))
        return f"{'/'.join(f'{value:.{digits}f}' for value in values):>{width}}"

    figures = (
        pair("rate", 19, 0),
        pair("cpu_us", 13, 1),
        pair("p50_ms", 13, 2),
        pair("p99_ms", 13, 2),
        pair("memory_mb", 11, 0),
    )
    print(f"{name:58} {spread:22} {' '.join(figures)}", flush=True)
