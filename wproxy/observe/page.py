"""The statistics page: the lines of `show stat` as an HTML table for each proxy, and as csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    outcome: str = ""  # of the action that led here, a key of OUTCOMES


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

# What can be done to the servers that are ticked, in HAProxy's words; `runtime.page_actions` does it.
ACTIONS = (
    ("ready", "Set state to READY"),
    ("drain", "Set state to DRAIN"),
    ("maint", "Set state to MAINT"),
    ("dhlth", "Health: disable checks"),
    ("ehlth", "Health: enable checks"),
    ("hrunn", "Health: force UP"),
    ("hnolb", "Health: force NOLB"),
    ("hdown", "Health: force DOWN"),
    ("dagent", "Agent: disable checks"),
    ("eagent", "Agent: enable checks"),
    ("arunn", "Agent: force UP"),
    ("adown", "Agent: force DOWN"),
    ("shutdown", "Kill Sessions"),
)
# What became of it: a colour and a sentence.
OUTCOMES = {
    "DONE": ("up", "Action processed successfully."),
    "NONE": ("drain", "Nothing has changed."),
    "PART": ("drain", "Action partially processed. Some server names are unknown."),
    "ERRP": (
        "down",
        "Action not processed because of invalid parameters: the action, the backend or a server is unknown.",
    ),
    "EXCD": ("down", "Action not processed: too many servers at a time."),
    "DENY": ("down", "Action denied."),
}

_TICK_ALL = "this.form.querySelectorAll('[name=s]').forEach(each=>each.checked=this.checked)"
_KINDS = {0: "frontend", 1: "backend", 2: "server"}

_STYLE = """\
body{font:13px/1.4 sans-serif;margin:1.5em;color:#222;background:#fff}
h1{font-size:1.4em;margin:0}h2{font-size:1.1em;margin:1.5em 0 .3em}p{margin:.3em 0}
table{border-collapse:collapse}th,td{border:1px solid #bbb;padding:.15em .5em;text-align:right;white-space:nowrap}
thead th{background:#e8eef4}tbody th{text-align:left}
.frontend,.backend{background:#f3f3f3}.up{background:#dff5dc}.down{background:#f9d6d5}.maint{background:#eadcc4}
.drain{background:#cfe4fb}
"""


def html(registry: Registry, now: float, heading: Heading, scope: frozenset[str], *, admin: bool = False) -> str:
    """Return the page; `scope` are the proxies to show, all when it is empty, and an `admin` may change servers."""
    tables = "".join(_proxy(name, rows, admin=admin) for name, rows in _proxies(registry, now, scope))
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
    colour, told = OUTCOMES.get(heading.outcome, ("", ""))
    message = f'<p class="{colour}">{told}</p>\n' if told else ""
    return f"<p>{version}pid {heading.pid} on {escape(heading.node)}, uptime {uptime}</p>\n{message}"


def _proxy(name: str, rows: Sequence[Row], *, admin: bool) -> str:
    ticked = admin and any(_KINDS[int(row["type"] or 0)] == "server" for row in rows)
    groups = "".join(f'<th colspan="{len(columns)}">{title}</th>' for title, columns in SHOWN)
    titles = "".join(f"<th>{title}</th>" for _, columns in SHOWN for title, _ in columns)
    lines = "".join(_line(row, ticked=ticked) for row in rows)
    label = escape(name)
    tick_all = f'<th rowspan="2"><input type="checkbox" onclick="{_TICK_ALL}"></th>' if ticked else ""
    text = (
        f'<h2 id="{label}">{label}</h2>\n<table><thead><tr>{tick_all}<th rowspan="2"></th>{groups}</tr>\n'
        f"<tr>{titles}</tr></thead>\n<tbody>{lines}</tbody></table>\n"
    )
    return f'<form method="post">{text}{_choice(int(rows[0]["iid"] or 0))}</form>\n' if ticked else text


def _choice(proxy_id: int) -> str:
    """Return what stands below a table whose servers can be ticked."""
    options = "".join(f'<option value="{action}">{title}</option>' for action, title in ACTIONS)
    return (
        f'<p>Choose the action to perform on the checked servers: <select name="action"><option value=""></option>'
        f'{options}</select><input type="hidden" name="b" value="#{proxy_id}"> '
        '<input type="submit" value="Apply"></p>'
    )


def _line(row: Row, *, ticked: bool) -> str:
    tick = f"<td>{_tick(row)}</td>" if ticked else ""
    cells = "".join(f"<td>{_text(row[column])}</td>" for _, columns in SHOWN for _, column in columns)
    return f'<tr class="{_class(row)}">{tick}<th>{_text(row["svname"])}</th>{cells}</tr>\n'


def _tick(row: Row) -> str:
    if _KINDS[int(row["type"] or 0)] != "server":
        return ""
    return f'<input type="checkbox" name="s" value="{_text(row["svname"])}">'


def _class(row: Row) -> str:
    """Return the colour of a line: what kind it is or, of a server, how it is."""
    kind = _KINDS[int(row["type"] or 0)]
    if kind != "server":
        return kind
    status = str(row["status"]).split(" ")[0].lower()
    return {"no": "server"}.get(status, status)


def _text(value: Value) -> str:
    return "" if value is None else escape(str(int(value) if isinstance(value, bool) else value))
