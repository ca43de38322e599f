"""By which weights the keys of a backend may lie: tables of weights by server, the one in force last.

They outlive the process that moves the keys. One too many costs its successor a question for each key, one too few the
keys: so a table is added before the first key can move by it, and too many are replaced by fewer that say more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Table: TypeAlias = dict[str, int]
MOST = 100  # tables, where there are not more servers: each takes some 10 ms per server at the next start


def announced(tables: list[Table], weights: Table) -> list[Table]:
    """Return `tables` with `weights` as the last one; the same list when they are that already, or nobody has one."""
    if not any(weights.values()) or (tables and tables[-1] == weights):
        return tables
    return bounded([*tables, weights])


def bounded(tables: list[Table]) -> list[Table]:
    """Return `tables`, or when they are too many those by which each server in turn has all keys, and the last one."""
    return tables if len(tables) <= MOST else [*everywhere(tables[:-1]), tables[-1]]


def everywhere(tables: Sequence[Table]) -> list[Table]:
    """Return a table for each server that has a weight in one of `tables`, by which it has all keys."""
    names = dict.fromkeys(name for table in tables for name, weight in table.items() if weight)
    return [{name: 1} for name in names]
