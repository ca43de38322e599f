"""A small curve of the last minutes' rates, as SVG that needs no style of its own."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.observe.history import PACE_S, SAMPLES

_HEIGHT = 16


def svg(rates: Sequence[float], noun: str) -> str:
    """Return the curve of `rates` (a second each, oldest first), scaled to the highest; the newest is at the right."""
    if not rates:
        return ""
    top = max(rates)
    label = f"{noun} per second in the last {round(len(rates) * PACE_S)} s: now {rates[-1]:.1f}, highest {top:.1f}"
    left = SAMPLES - len(rates)
    points = " ".join(f"{left + at},{_y(rate, top)}" for at, rate in enumerate(rates))
    return (
        f'<svg class="spark" viewBox="0 0 {SAMPLES - 1} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<polygon points="{left},{_HEIGHT} {points} {SAMPLES - 1},{_HEIGHT}"/><polyline points="{points}"/></svg>'
    )


def _y(rate: float, top: float) -> str:
    height = _HEIGHT - 1 - (rate / top) * (_HEIGHT - 2) if top else _HEIGHT - 1
    return f"{height:.1f}".removesuffix(".0")
