"""The part of docs/compatibility.md about rules and expressions, from the rows of their tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wproxy.config.acl.converters import CONVERTERS
from wproxy.config.acl.converters import HAPROXY_ONLY as CONVERTERS_ONLY
from wproxy.config.acl.converters import HAPROXY_ONLY_BEGIN as CONVERTERS_ONLY_BEGIN
from wproxy.config.acl.facts import Stage
from wproxy.config.acl.fetch import Fetch
from wproxy.config.acl.fetches import DERIVATIVES, FETCHES
from wproxy.config.acl.fetches import HAPROXY_ONLY as FETCHES_ONLY
from wproxy.config.acl.matches import MATCHES
from wproxy.config.acl.tracks import TRACKS
from wproxy.config.grammar import Status
from wproxy.config.http.actions import ACTIONS, CALLS, HAPROXY_ONLY, WITHOUT_EFFECT
from wproxy.config.http.format import VARIABLES

_DONE, _IGNORED, _REFUSED = Status.DONE.value, Status.IGNORED.value, Status.REFUSED.value


_NUMBERED = tuple(f"sc{number}_" for number in range(TRACKS))


def _table(columns: str, lines: Iterable[str]) -> str:
    return "\n".join([f"| {columns} |", "|---" * (columns.count("|") + 1) + "|", *lines, ""])


def actions() -> str:
    """Return the table of what `http-request` and `http-response` can do."""
    return _table("action | http-request | http-response | ", _action_lines())


def _action_lines() -> Iterator[str]:
    for name in sorted([*ACTIONS, *(f"{call.rstrip('(')}(<name>)" for call in CALLS)]):
        row = ACTIONS.get(name)
        sides = (True, True) if row is None else (row.request, row.response)
        yield f"| `{name}` | {' | '.join(_DONE if side else '' for side in sides)} | |"
    for name, reason in sorted(WITHOUT_EFFECT.items()):
        yield f"| `{name}` | {_IGNORED} | {_IGNORED} | {reason} |"
    for name in sorted(HAPROXY_ONLY):
        yield f"| `{name}` | {_REFUSED} | {_REFUSED} | |"


def fetches() -> str:
    """Return the table of what can be asked, and where."""
    return _table("fetch | type | connections | first bytes | requests | responses | logs", _fetch_lines())


def _fetch_lines() -> Iterator[str]:
    for name, row in sorted(FETCHES.items()):
        if name.startswith(_NUMBERED):
            continue
        marks = " | ".join("x" if row.stages & stage else "" for stage in Stage)
        yield f"| `{_called(name, row)}` | {row.kind.value} | {marks} |"
    yield "| `sc0_…`, `sc1_…`, `sc2_…`: as `sc_…(0)`, `sc_…(1)`, `sc_…(2)` | | | | | | |"
    yield f"| {_listed(DERIVATIVES)} | boolean | | | | | |"
    yield f"| {_listed(name + '…' for name in FETCHES_ONLY)} | {_REFUSED} unless above | | | | | |"


def _called(name: str, row: Fetch) -> str:
    return f"{name}(…)" if row.arguments else name


def converters() -> str:
    """Return the table of what can be made of values."""
    lines = [
        f"| `{name}{'(…)' if row.arguments else ''}` | {row.takes.value} | {row.gives.value} |"
        for name, row in sorted(CONVERTERS.items())
    ]
    only = [*CONVERTERS_ONLY, *(f"{name}…" for name in CONVERTERS_ONLY_BEGIN)]
    return _table("converter | of | makes", [*lines, f"| {_listed(only)} | {_REFUSED} | |"])


def words() -> str:
    """Return the matching methods of conditions, and the variables of log formats in rules."""
    return (
        f"Matching methods (`-m`): {_listed(MATCHES)}; flags: `-i`, `-f`, `-M`, `-n`, `-u`, `--`.\n\n"
        f"Log-format variables in rules: {_listed(f'%{name}' for name in VARIABLES)}; the others are\n"
        "known at the end of a request only, and are for `log-format`.\n"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
