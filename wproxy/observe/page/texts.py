"""The statistics page for programs: `;csv`, `;json`, `;typed`, as `show stat` answers on the stats socket."""

from __future__ import annotations

from wproxy.observe import statistics
from wproxy.observe.page.rows import Wanted
from wproxy.state.registry import Registry


def text(registry: Registry, now: float, wanted: Wanted, form: str) -> str:
    """Return the lines that `wanted` shows as `csv`, `json` or `typed`."""
    return statistics.text(registry, now, wanted.lines, form=form, shows=wanted.shows)
