"""The table of one proxy: a column each with its cell, the lines with their colours, what an administrator can tick.

A column marked `more` is one of HAProxy's that most readers do not need: it shows when they ask for all columns.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from wproxy.config.model import Mode
from wproxy.observe import history
from wproxy.observe.history import History
from wproxy.observe.page import details, sparkline
from wproxy.observe.page.numbers import grouped, in_bytes, lasting, percent
from wproxy.observe.page.rows import Proxy, Row
from wproxy.records import dataclass
from wproxy.state.server import Server

_Cell = Callable[[Row], str]  # HTML; "" for a cell that means nothing on this line
_STATES = ("ready", "drain", "maint")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: the group it begins or belongs to, its title, its cell, what its numbers tell in a tooltip."""

    group: str
    title: str
    cell: _Cell
    tip: Callable[[Row], details.Facts] = lambda row: []
    more: bool = False

    @property
    def label(self) -> str:
        """The whole name, which stands beside each cell where there is no room for a head."""
        return f"{self.group} {self.title}".strip()


def _number(name: str) -> _Cell:
    return lambda row: "" if row.values[name] is None else grouped(row.number(name))


def _limit(name: str) -> _Cell:
    """A limit is a dash where there is none."""
    return lambda row: grouped(row.number(name)) if row.number(name) else "–"


def _bytes(name: str) -> _Cell:
    return lambda row: in_bytes(row.number(name))


def _ago(row: Row) -> str:
    seconds = row.number("lastsess")
    return "" if row.kind == "frontend" else lasting(seconds) if seconds >= 0 else "–"


def _time_away(row: Row) -> str:
    return "" if row.values["downtime"] is None else lasting(row.number("downtime"))


def _status(row: Row) -> str:
    since = "" if row.values["lastchg"] is None else f' <small class="since">{lasting(row.number("lastchg"))}</small>'
    return f'<span class="pill">{escape(row.text("status"))}</span>{since}'


def _last_check(row: Row) -> str:
    texts = []
    for prefix in ("check", "agent"):
        if row.values[f"{prefix}_status"] is not None:
            code = f"/{row.text(f'{prefix}_code')}" if row.values[f"{prefix}_code"] is not None else ""
            took = f" in {row.number(f'{prefix}_duration')}ms" if row.values[f"{prefix}_duration"] is not None else ""
            texts.append(escape(f"{row.text(f'{prefix}_status')}{code}{took}"))
    return "<br>".join(texts)


def _weight(row: Row) -> str:
    """The weight in force and, where it differs, the one that was set; behind it the share that it brings."""
    if row.kind == "frontend":
        return ""
    now, wanted = row.number("weight"), row.number("uweight")
    text = grouped(now) if now == wanted else f"{grouped(now)}/{grouped(wanted)}"
    return text if row.share is None else f"{text} <small>{percent(row.share)}</small>"


def _yes(name: str) -> _Cell:
    """Whether a server is one of those; how many a backend has."""
    return lambda row: grouped(row.number(name)) if row.kind == "backend" else ("Y" if row.number(name) else "–")


def _server_only(cell: _Cell) -> _Cell:
    return lambda row: cell(row) if row.kind == "server" else ""


def _traffic_only(cell: _Cell) -> _Cell:
    return lambda row: cell(row) if row.kind != "frontend" else ""


COLUMNS: tuple[Column, ...] = (
    Column("", "Status", _status),
    Column("", "Last check", _last_check, details.check),
    Column("", "Weight", _weight),
    Column("", "Act", _traffic_only(_yes("act")), more=True),
    Column("", "Bck", _traffic_only(_yes("bck")), more=True),
    Column("Session rate", "Cur", _number("rate"), lambda row: details.rates(row, "")),
    Column("Session rate", "Max", _number("rate_max"), lambda row: details.rates(row, "_max")),
    Column("Session rate", "Trend", lambda row: ""),
    Column("Session rate", "Limit", lambda row: _limit("rate_lim")(row) if row.kind == "frontend" else "", more=True),
    Column("Sessions", "Cur", _number("scur"), details.connections),
    Column("Sessions", "Max", _number("smax")),
    Column("Sessions", "Limit", _limit("slim")),
    Column("Sessions", "Total", _number("stot"), lambda row: details.counts(row) + details.times(row)),
    Column("Sessions", "LbTot", _number("lbtot"), more=True),
    Column("Sessions", "Last", _ago, more=True),
    Column("", "Queue", _number("qcur")),
    Column("Queue", "Max", _number("qmax"), more=True),
    Column("Queue", "Limit", _server_only(_limit("qlimit")), more=True),
    Column("Bytes", "In", _bytes("bin"), details.volume),
    Column("Bytes", "Out", _bytes("bout"), details.volume),
    Column("Denied", "Req", _number("dreq"), more=True),
    Column("Denied", "Resp", _number("dresp"), more=True),
    Column("Errors", "Req", _number("ereq")),
    Column("Errors", "Conn", _number("econ")),
    Column("Errors", "Resp", _number("eresp"), details.aborts),
    Column("Warnings", "Retr", _number("wretr")),
    Column("Warnings", "Redisp", _number("wredis")),
    Column("Down", "Count", _number("chkdown")),
    Column("Down", "Time", _time_away),
    Column("Down", "Chk", _number("chkfail"), lambda row: [("Failed health checks", row.text("chkfail"))], more=True),
    Column("Down", "Thrtle", lambda row: f"{row.text('throttle')} %" if row.text("throttle") else "", more=True),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a table is: an `admin` can change servers; `past` is where curves come from.

    `legends` tells ids, modes and addresses, `modules` the Redis commands of each server.
    """

    past: History
    admin: bool = False
    legends: bool = False
    modules: bool = False


def table(proxy: Proxy, reader: Reader) -> str:
    """Return the table of `proxy`; an administrator's has a box to tick before each server."""
    ticks = reader.admin and bool(proxy.servers)
    lines = "".join(_line(row, proxy, reader, ticks=ticks) for row in proxy.rows)
    return f"<table><thead>{_head(proxy, ticks=ticks)}</thead>\n<tbody>{lines}</tbody></table>\n"


def _head(proxy: Proxy, *, ticks: bool) -> str:
    tick_all = (
        f'<input type="checkbox" class="all js" aria-label="All servers of {escape(proxy.name)}"> ' if ticks else ""
    )
    cells, group = [], ""
    for column in COLUMNS:
        begins = f"<span>{column.group}</span>" if column.group != group else ""
        group = column.group
        cells.append(f'<th scope="col"{_class(column)}>{begins}{column.title}</th>')
    if ticks:
        cells.insert(1, '<th scope="col" class="js">Set state</th>')
    return f'<tr><th scope="col" class="name">{tick_all}</th>{"".join(cells)}</tr>'


def _class(column: Column) -> str:
    return ' class="more"' if column.more else ""


def _line(row: Row, proxy: Proxy, reader: Reader, *, ticks: bool) -> str:
    """Return the line and, below it, its details, which show when its box is ticked."""
    label, name = escape(f"{row.proxy}/{row.name}"), escape(row.name)
    tick = f'<input type="checkbox" name="s" value="{name}"> ' if ticks and row.kind == "server" else ""
    opens = f'<input type="checkbox" class="open" aria-label="Details of {label}">'
    cells = [_cell(*each, row, reader) for each in _CELLS]
    if ticks:
        cells.insert(1, f'<td class="js states" data-t="Set state">{_states(row)}</td>')
    facts = details.block(row, reader.past, legends=reader.legends, modules=reader.modules)
    width = len(COLUMNS) + 1 + ticks
    return (
        f'<tr id="{label}" class="{state_of(row)}"{_data(row)}><th scope="row" class="name">{tick}<label>{opens}{name}'
        f'</label></th>{"".join(cells)}</tr>\n<tr class="details"><td colspan="{width}">{facts}</td></tr>\n'
    )


def _cell(column: Column, begins: str, begins_nil: str, row: Row, reader: Reader) -> str:
    text = column.cell(row)
    if column is _TREND:
        text = sparkline.svg(reader.past.rates(row.party), history.noun(row.party, Mode(row.text("mode"))))
    facts = column.tip(row) if text else ()
    tip = f' title="{escape(details.tip(facts))}"' if facts else ""
    return f"{begins_nil if text in _NIL else begins}{tip}>{text}</td>"


def _data(row: Row) -> str:
    """Return what the script needs of a server: name, sessions, weight, and whether a weight would bring it a share."""
    server = row.party
    if not isinstance(server, Server):
        return ""
    out = server.admin.maint or server.admin.drain or server.stopping or server.line.backup or not server.running
    return (
        f' data-server="{escape(server.name)}" data-sessions="{server.current}" data-weight="{server.weight}" '
        f'data-part="{"no" if out else "yes"}"'
    )


def _states(row: Row) -> str:
    """Return the buttons that set a server's state, the one that is in force pressed."""
    server = row.party
    if not isinstance(server, Server):
        return ""
    now = "maint" if server.admin.maint else "drain" if server.admin.drain else "ready"
    buttons = "".join(
        f'<button type="button" value="{state}" aria-pressed="{pressed}">{state.capitalize()}</button>'
        for state, pressed in ((state, "true" if state == now else "false") for state in _STATES)
    )
    return f'<span class="switch" role="group" aria-label="State of {escape(server.name)}">{buttons}</span>'


def state_of(row: Row) -> str:
    """Return the colour of a line, a class of the style: what kind it is or, of a server, how it is."""
    if not isinstance(row.party, Server):
        return row.kind if row.text("status") not in ("DOWN", "STOP", "PAUSED") else f"{row.kind} {_DEAD[row.kind]}"
    status = row.text("status")
    word = status.split(" ")[0]
    state = "maint" if row.party.admin.maint else _COLOURS.get(word, "down")
    if "/" in status:
        state = {"up": "going-down", "down": "going-up"}.get(state, state)
    return f"{state} backup" if row.party.line.backup else state


def state_of_proxy(proxy: Proxy) -> str:
    """Return the colour of a proxy: that of its backend, a warning when one of the servers is down."""
    if not proxy.servers:
        return state_of(proxy.rows[-1])
    states = {state_of(row).split(" ")[0] for row in (*proxy.servers, proxy.rows[-1])}
    if "down" in state_of(proxy.rows[-1]).split(" "):
        return "down"
    return "going-down" if states & {"down", "going-down", "going-up"} else "up"


_TREND = next(column for column in COLUMNS if column.title == "Trend")
_NIL = ("0", "0 B", "0s", "–")  # what catches no eye


def _opening(column: Column, *, nil: bool) -> str:
    classes = " ".join(name for name, applies in (("more", column.more), ("nil", nil)) if applies)
    named = f' class="{classes}"' if classes else ""
    return f'<td{named} data-t="{column.label}"'


# How the cells of each column begin, of one with and of one without a number that catches the eye.
_CELLS = tuple((column, _opening(column, nil=False), _opening(column, nil=True)) for column in COLUMNS)
_COLOURS = {"UP": "up", "DOWN": "down", "NOLB": "nolb", "DRAIN": "drain", "no": "unchecked"}
_DEAD = {"frontend": "maint", "backend": "down"}
