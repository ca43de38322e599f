"""Prints a row: both sides' medians and the ratio of ours to theirs, with its range over the rounds."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from tests.bench.measure import Figures
from tests.bench.rows import Growth

_WIDTH = 62  # of a row's name


def print_title() -> None:
    """Print what the columns are."""
    print("ours/theirs; ratio: requests/s of ours ÷ theirs, median of the rounds (min–max). cpu: µs per request.")
    print(f"{'load':{_WIDTH}} {'ratio':17} {'rate':>17} {'cpu':>13} {'p50 ms':>13} {'p99 ms':>13} {'MB':>11}")


def print_row(name: str, ours: list[Figures], theirs: list[Figures]) -> None:
    """Print one row."""

    def pair(field: str, width: int, digits: int) -> str:
        values = (median(getattr(figures, field) for figures in side) for side in (ours, theirs))
        return f"{'/'.join(f'{value:.{digits}f}' for value in values):>{width}}"

    ratio = _ratio([figures.rate for figures in ours], [figures.rate for figures in theirs])
    figures = (
        pair("rate", 17, 0),
        pair("cpu_us", 13, 1),
        pair("p50_ms", 13, 2),
        pair("p99_ms", 13, 2),
        pair("memory_mb", 11, 0),
    )
    print(f"{name:{_WIDTH}} {ratio:17} {' '.join(figures)}", flush=True)


def print_memory(name: str, ours: list[float], theirs: list[float]) -> None:
    """Print what a connection takes, in kB; here a ratio under 1 is the better one."""
    figures = f"{median(ours):.1f}/{median(theirs):.1f} kB each"
    print(f"{name:{_WIDTH}} {_ratio(ours, theirs):17} {figures:>17}", flush=True)


def print_unfinished(name: str, why: str) -> None:
    """Print what became of a row that has no figures."""
    print(f"{name:{_WIDTH}} {why}", flush=True)


def print_growth(growth: Growth, sides: Mapping[str, tuple[float, float]]) -> None:
    """Print how the processor time of a request grows; `sides` has for each its median µs in the two rows."""
    factors = ", ".join(f"{name} × {more / less:.2f}" for name, (less, more) in sides.items())
    print(f"cpu per request {growth.what}: {factors}", flush=True)


def _ratio(ours: list[float], theirs: list[float]) -> str:
    ratios = [our / their if their else float("inf") for our, their in zip(ours, theirs, strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
