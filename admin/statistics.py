"""Reads the two data formats of the stats socket: `show stat` (CSV with a header) and `show info` (key: value)."""

from __future__ import annotations

import csv
import re
from typing import TypeAlias

from admin.client import refusal

Value: TypeAlias = int | str | None
Row: TypeAlias = dict[str, Value]

# Names and free text stay text even when they look like numbers.
_TEXT = frozenset(
    {
        *("pxname", "svname", "status", "tracked", "cookie", "addr", "mode", "algo"),
        *("backend", "server", "command", "client", "key"),
        *("check_status", "last_chk", "check_desc", "agent_status", "last_agt", "agent_desc"),
        *("Name", "Version", "Release_date", "Uptime", "node", "description"),
    }
)
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_FORCED_MAINT, _FORCED_DRAIN = 1, 8  # bits of `srv_admin_state` (management manual, "show servers state")


def parse_stat(answer: str) -> list[Row]:
    """Return one row per line, by column name; raise RefusedError when `answer` is no table but the proxy's words."""
    header, _, body = answer.lstrip().partition("\n")
    if not header.startswith("# "):
        raise refusal(answer)
    columns = next(csv.reader([header.removeprefix("# ")]))
    lines = (line for line in csv.reader(body.splitlines()) if line)
    return [
        {column: _value(column, text) for column, text in zip(columns, line, strict=False) if column not in ("", "-")}
        for line in lines
    ]


def parse_info(answer: str) -> Row:
    """Return the values by key; raise RefusedError when `answer` holds none but the proxy's words."""
    pairs = [line.split(":", 1) for line in answer.splitlines() if ":" in line]
    if not answer.lstrip().startswith("Name:"):
        raise refusal(answer)
    return {key: _value(key, text.strip()) for key, text in pairs}


def parse_initial_weights(answer: str) -> dict[tuple[str, str], int]:
    """Return the configured weight of each (backend, server) from the answer to `show servers state`."""
    return _numbers(answer, "srv_iweight")


def parse_admin_states(answer: str) -> dict[str, str]:
    """Return by path what an administrator wants of each server, `ready`, `drain` or `maint`, from the same answer."""
    states = _numbers(answer, "srv_admin_state")
    return {
        "/".join(path): "maint" if state & _FORCED_MAINT else "drain" if state & _FORCED_DRAIN else "ready"
        for path, state in states.items()
    }


def _numbers(answer: str, column: str) -> dict[tuple[str, str], int]:
    """Return a column of `show servers state` by backend and server."""
    lines = answer.split("\n")
    header = next((line for line in lines if line.startswith("# ")), None)
    if header is None:
        raise refusal(answer)
    columns = header.removeprefix("# ").split()
    rows = (dict(zip(columns, line.split(), strict=False)) for line in lines[lines.index(header) + 1 :] if line.strip())
    return {
        (row.get("be_name", ""), row.get("srv_name", "")): int(number)
        for row in rows
        if (number := row.get(column, "")).isdecimal()
    }


def _value(name: str, text: str) -> Value:
    if text == "" and name not in _TEXT:
        return None
    if name not in _TEXT and _NUMBER.fullmatch(text):
        return int(text)
    return text
