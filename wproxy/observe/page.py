"""The statistics page: the lines of `show stat` as an HTML table for each proxy, and as csv."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby

from wproxy.observe import statistics
from wproxy.observe.columns import COLUMNS, Value
from wproxy.state.registry import Registry

Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the tables; without `version` it is not shown."""

    pid: int
    uptime_s: int
    node: str
    version: str | None


# The columns that are shown: under which heading, with which title, from which column of `show stat`.
SHOWN: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Queue", (("Cur", "qcur"), ("Max", "qmax"), ("Limit", "qlimit"))),
    ("Session rate", (("Cur", "rate"), ("Max", "rate_max"), ("Limit", "rate_lim"))),
    (
        "Sessions",
        (
            ("Cur", "scur"), ("Max", "smax"), ("Limit", "slim"), ("Total", "stot"), ("LbTot", "lbtot"),
            ("Last", "lastsess"),
        ),
    ),
    ("Bytes", (("In", "bin"), ("Out", "bout"))),
    ("Denied", (("Req", "dreq"), ("Resp", "dresp"))),
    ("Errors", (("Req", "ereq"), ("Conn", "econ"), ("Resp", "eresp"))),
    ("Warnings", (("Retr", "wretr"), ("Redis", "wredis"))),
    (
        "Server",
        (
            ("Status", "status"), ("LastChk", "check_status"), ("Wght", "weight"), ("Act", "act"), ("Bck", "bck"),
            ("Chk", "chkfail"), ("Dwn", "chkdown"), ("Dwntme", "downtime"), ("Thrtle", "throttle"),
        ),
    ),
)  # fmt: skip

_KINDS = {0: "frontend", 1: "backend", 2: "server"}

_STYLE = """\
body{font:13px/1.4 sans-serif;margin:1.5em;color:#222;background:#fff}
h1{font-size:1.4em;margin:0}h2{font-size:1.1em;margin:1.5em 0 .3em}p{margin:.3em 0}
table{border-collapse:collapse}th,td{border:1px solid #bbb;padding:.15em .5em;text-align:right;white-space:nowrap}
th{background:#e8eef4}td:first-child{text-align:left;font-weight:bold}
.frontend,.backend{background:#f3f3f3}.up{background:#dff5dc}.down{background:#f9d6d5}.maint{background:#eadcc4}
.drain{background:#cfe4fb}
"""


def html(registry: Registry, now: float, heading: Heading, scope: frozenset[str]) -> str:
    """Return the page; `scope` are the proxies to show, all when it is empty."""
    tables = "".join(_proxy(name, rows) for name, rows in _proxies(registry, now, scope))
    title = "Statistics Report for wproxy"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{_STYLE}</style></head>\n<body><h1>{title}</h1>\n{_heading(heading)}{tables}</body></html>\n"
    )


def csv(registry: Registry, now: float, scope: frozenset[str]) -> str:
    """Return what `show stat` answers, for the proxies in `scope`."""
    text = statistics.text(registry, now, statistics.Filter())
    if not scope:
        return text
    head, *lines = text.splitlines(keepends=True)
    return head + "".join(line for line in lines if line.partition(",")[0] in scope)


def _proxies(registry: Registry, now: float, scope: frozenset[str]) -> Iterator[tuple[str, list[Row]]]:
    """Yield each proxy's name and lines."""
    registry.sessions.settle()
    names = [column.name for column in COLUMNS]
    lines = statistics.rows(registry, now, statistics.Filter())
    rows = (dict(zip(names, line.values, strict=True)) for line in lines)
    for name, group in groupby(rows, lambda row: str(row["pxname"])):
        if not scope or name in scope:
            yield name, list(group)


def _heading(heading: Heading) -> str:
    minutes, seconds = divmod(heading.uptime_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    version = f"version {escape(heading.version)}, " if heading.version else ""
    uptime = f"{days}d {hours}h{minutes:02d}m{seconds:02d}s"
    return f"<p>{version}pid {heading.pid} on {escape(heading.node)}, uptime {uptime}</p>\n"


def _proxy(name: str, rows: Iterable[Row]) -> str:
    groups = "".join(f'<th colspan="{len(columns)}">{title}</th>' for title, columns in SHOWN)
    titles = "".join(f"<th>{title}</th>" for _, columns in SHOWN for title, _ in columns)
    lines = "".join(_line(row) for row in rows)
    label = escape(name)
    return (
        f'<h2 id="{label}">{label}</h2>\n<table><thead><tr><th rowspan="2"></th>{groups}</tr>\n'
        f"<tr>{titles}</tr></thead>\n<tbody>{lines}</tbody></table>\n"
    )


def _line(row: Row) -> str:
    cells = "".join(f"<td>{_text(row[column])}</td>" for _, columns in SHOWN for _, column in columns)
    return f'<tr class="{_class(row)}"><td>{_text(row["svname"])}</td>{cells}</tr>\n'


def _class(row: Row) -> str:
    """Return the colour of a line: what kind it is or, of a server, how it is."""
    kind = _KINDS[int(row["type"] or 0)]
    if kind != "server":
        return kind
    status = str(row["status"]).split(" ")[0].lower()
    return {"no": "server"}.get(status, status)


def _text(value: Value) -> str:
    return "" if value is None else escape(str(int(value) if isinstance(value, bool) else value))
