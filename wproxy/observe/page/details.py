"""The details of one line: what HAProxy's page shows when the mouse is over a number, and more.

Each group is a list of labels and texts, so that the same is a tooltip and a block below the line.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from wproxy.observe.history import History
from wproxy.observe.page.numbers import grouped, in_bytes
from wproxy.observe.page.rows import Row
from wproxy.state.server import Server

Facts = list[tuple[str, str]]

_RESPONSES = (
    ("HTTP 1xx responses", "hrsp_1xx"),
    ("HTTP 2xx responses", "hrsp_2xx"),
    ("HTTP 3xx responses", "hrsp_3xx"),
    ("HTTP 4xx responses", "hrsp_4xx"),
    ("HTTP 5xx responses", "hrsp_5xx"),
    ("other responses", "hrsp_other"),
)
_COUNTS: dict[str, tuple[tuple[str, str], ...]] = {
    "frontend": (
        ("Connections", "conn_tot"),
        ("Sessions", "stot"),
        ("Requests", "req_tot"),
        *_RESPONSES,
        ("Intercepted requests", "intercepted"),
        ("Cache lookups", "cache_lookups"),
        ("Cache hits", "cache_hits"),
        ("Failed header rewrites", "wrew"),
        ("Internal errors", "eint"),
        ("Denied connections", "dcon"),
        ("Denied sessions", "dses"),
    ),
    "backend": (
        ("Sessions", "stot"),
        ("New connections", "connect"),
        ("Reused connections", "reuse"),
        ("Requests", "req_tot"),
        *_RESPONSES,
        ("Failed header rewrites", "wrew"),
        ("Internal errors", "eint"),
    ),
}
_COUNTS["server"] = _COUNTS["backend"]
_TIMES = (
    ("Queue", "qtime", "qtime_max"),
    ("Connect", "ctime", "ctime_max"),
    ("Response", "rtime", "rtime_max"),
    ("Total", "ttime", "ttime_max"),
)
_CONNECTIONS = (
    ("In use", "used_conn_cur"),
    ("Idle", "srv_icur"),
    ("Idle, unsafe", "idle_conn_cur"),
    ("Idle, safe", "safe_conn_cur"),
    ("Estimated need", "need_conn_est"),
)
_COMMANDS_SHOWN = 12  # of a server in mode redis, those with most calls


def counts(row: Row) -> Facts:
    """What there has been in all."""
    return [(label, grouped(row.number(name))) for label, name in _COUNTS[row.kind] if row.values[name] is not None]


def rates(row: Row, which: str) -> Facts:
    """The rates behind the columns `rate` or `rate_max`, as `which` says: "" or "_max"."""
    names = (("Connections", f"conn_rate{which}"), ("Sessions", f"rate{which}"), ("Requests", f"req_rate{which}"))
    return [(label, f"{grouped(row.number(name))}/s") for label, name in names if row.values[name] is not None]


def times(row: Row) -> Facts:
    """How long sessions took, on average and at most."""
    if row.kind == "frontend":
        return []
    return [(label, f"{row.number(mean)} / {row.number(most)} ms") for label, mean, most in _TIMES]


def connections(row: Row) -> Facts:
    """The connections of a server."""
    return [(label, grouped(row.number(name))) for label, name in _CONNECTIONS if row.values[name] is not None]


def aborts(row: Row) -> Facts:
    """Who broke off."""
    names = (("Broken off by clients", "cli_abrt"), ("Broken off by servers", "srv_abrt"))
    return [(label, grouped(row.number(name))) for label, name in names if row.values[name] is not None]


def check(row: Row) -> Facts:
    """What the last health check and the agent said."""
    facts: Facts = []
    for label, prefix, said in (("Check", "check", "last_chk"), ("Agent", "agent", "last_agt")):
        if row.values[f"{prefix}_status"] is None:
            continue
        facts.append((label, f"{row.text(f'{prefix}_status')}: {row.text(f'{prefix}_desc')}"))
        if row.text(said):
            facts.append((f"{label} said", row.text(said)))
        if row.values[f"{prefix}_duration"] is not None:
            facts.append((f"{label} took", f"{row.number(f'{prefix}_duration')} ms"))
        health = (
            f"{row.text(f'{prefix}_health')} (rise {row.text(f'{prefix}_rise')}, fall {row.text(f'{prefix}_fall')})"
        )
        facts.append((f"{label} health", health))
    return facts


def volume(row: Row) -> Facts:
    """The bytes, exactly, and what compression did to them."""
    facts = [("Bytes in", grouped(row.number("bin"))), ("Bytes out", grouped(row.number("bout")))]
    if row.number("comp_in"):
        facts += [
            ("Compression in", in_bytes(row.number("comp_in"))),
            ("Compression out", in_bytes(row.number("comp_out"))),
        ]
    return facts


def identity(row: Row) -> Facts:
    """Who it is; addresses, cookies and algorithms are there with `stats show-legends` only."""
    facts = [("Id", row.text("sid") if row.kind == "server" else row.text("iid")), ("Mode", row.text("mode"))]
    names = (("Address", "addr"), ("Cookie", "cookie"), ("Balance", "algo"))
    return facts + [(label, row.text(name)) for label, name in names if row.text(name)]


def tip(facts: Facts) -> str:
    """Return `facts` as what the mouse shows."""
    return "\n".join(f"{label}: {text}" for label, text in facts)


def block(row: Row, history: History, *, legends: bool, modules: bool) -> str:
    """Return all groups as HTML, with the last changes of a server; `legends` and `modules` as in `table.Reader`."""
    groups = (
        ("Identity", identity(row) if legends else []),
        ("In all", counts(row) + volume(row) + aborts(row)),
        ("Time, average / longest", times(row)),
        ("Connections", connections(row)),
        ("Health", check(row)),
    )
    text = "".join(_group(title, facts) for title, facts in groups if facts)
    if isinstance(row.party, Server):
        text += _changes(row.party, history)
        if modules and row.party.counters.commands:
            text += _commands(row.party)
    return f'<div class="facts">{text}</div>'


def _group(title: str, facts: Facts) -> str:
    lines = "".join(f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in facts)
    return f"<section><h3>{title}</h3><dl>{lines}</dl></section>"


def _changes(server: Server, history: History) -> str:
    lines = "".join(
        f"<li><time>{datetime.fromtimestamp(change.at_s):%Y-%m-%d %H:%M:%S}</time> {escape(change.text)}</li>"
        for change in history.changes(server.backend_name, server.name)
    )
    told = f"<ol>{lines}</ol>" if lines else "<p>No change since the start.</p>"
    return f'<section class="wide"><h3>Last changes</h3>{told}</section>'


def _commands(server: Server) -> str:
    most = sorted(server.counters.commands.items(), key=lambda item: -item[1].calls)[:_COMMANDS_SHOWN]
    facts = [
        (name, f"{grouped(each.calls)} calls, {grouped(each.errors)} errors, {each.latencies.quantile(0.99) or 0} µs")
        for name, each in most
    ]
    return _group("Commands (99 % within)", facts)
