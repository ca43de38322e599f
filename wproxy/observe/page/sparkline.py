"""A small curve of the last minutes' rates, as SVG that needs no style of its own."""

from __future__ import annotations

from collections.abc import Sequence

from wproxy.observe.history import PACE_S, SAMPLES

_HEIGHT = 100


def svg(rates: Sequence[float], noun: str) -> str:
    """Return the curve of `rates` (a second each, oldest first), scaled to the highest; the newest is at the right."""
    if not rates:
        return ""
    top = max(rates)
    label = f"{noun} per second in the last {round(len(rates) * PACE_S)} s: now {rates[-1]:.1f}, highest {top:.1f}"
    left = SAMPLES - len(rates)
    base, scale = _HEIGHT - 4, (_HEIGHT - 8) / (top or 1)  # room for half of the line above and below
    points = " ".join([f"{left + at},{base - int(rate * scale)}" for at, rate in enumerate(rates)])
    return (
        f'<svg class="spark" viewBox="0 0 {SAMPLES - 1} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}"><title>{label}</title>'
        f'<polygon points="{left},{_HEIGHT} {points} {SAMPLES - 1},{_HEIGHT}"/><polyline points="{points}"/></svg>'
    )
