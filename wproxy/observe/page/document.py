"""The statistics page as a whole: its head, what is known of the process, a section for each proxy.

Style and script stand in the page itself and are named by their hashes in `POLICY`: nothing else runs, and nothing is
loaded from anywhere. The script asks for `tables` again and again; without it the page does all the same.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from html import escape
from importlib import resources

from wproxy.observe.page import weights
from wproxy.observe.page.numbers import grouped
from wproxy.observe.page.rows import Proxy, Wanted, proxies
from wproxy.observe.page.table import Reader, state_of_proxy, table
from wproxy.records import dataclass
from wproxy.state.registry import Registry

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
        "Action not processed because of invalid parameters: the action, the backend, a server or a weight is unknown.",
    ),
    "EXCD": ("down", "Action not processed: too many servers at a time."),
    "DENY": ("down", "Action denied."),
}

_LEGEND = (
    ("up", "UP"), ("going-down", "UP, going down"), ("going-up", "DOWN, going up"), ("down", "DOWN"),
    ("unchecked", "not checked"), ("nolb", "UP, takes no new sessions (NOLB)"), ("drain", "DRAIN"), ("maint", "MAINT"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above the tables; a name, a version or a description that is None is not shown.

    `uri` is how the page's address begins, `options` the words after it that stay when a link changes one of them.
    """

    pid: int
    uptime_s: int
    uri: str
    node: str | None = None
    version: str | None = None
    description: str | None = None
    outcome: str = ""  # of the form that led here, a key of OUTCOMES
    refresh_s: int = 0  # after which browsers load the page again by themselves


def html(registry: Registry, now: float, heading: Heading, wanted: Wanted, reader: Reader) -> str:
    """Return the page."""
    title = "Statistics Report for wproxy" + (f" on {escape(heading.node)}" if heading.node else "")
    version = f" version {escape(heading.version)}" if heading.version else ""
    about = f"<p>{escape(heading.description)}</p>" if heading.description else ""
    legend = "".join(f'<li class="{state}">{text}</li>' for state, text in _LEGEND)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,"><style>{_asset("page.css")}</style></head>\n'
        f"<body><header><h1>{title}<small>{version}</small></h1>{about}{_links(heading, wanted)}</header>\n"
        f'<div id="said" role="status">{_outcome(heading.outcome)}</div>\n'
        f"{tables(registry, now, heading, wanted, reader)}"
        f'<footer><ul class="legend">{legend}</ul><p>Backup servers have a broken line at their left.</p></footer>\n'
        '<dialog id="ask" aria-labelledby="question"><form method="dialog"><h2 id="question"></h2><p></p>'
        '<menu><button value="" autofocus>Cancel</button><button value="yes" class="main"></button></menu></form>'
        f"</dialog>\n<script>{_asset('page.js')}</script></body></html>\n"
    )


def tables(registry: Registry, now: float, heading: Heading, wanted: Wanted, reader: Reader) -> str:
    """Return the part of the page that changes."""
    shown = list(proxies(registry, now, wanted))
    chips = "".join(
        f'<a class="{state_of_proxy(proxy)}" href="#{escape(proxy.name)}">{escape(proxy.name)}</a>' for proxy in shown
    )
    sections = "".join(_section(proxy, reader) for proxy in shown) or "<p>No proxy of that name.</p>"
    return f'<main>{_process(registry, now, heading)}<nav aria-label="Proxies">{chips}</nav>\n{sections}</main>\n'


def policy() -> str:
    """Return the page's Content-Security-Policy."""
    hashes = {name: _hash(_asset(name)) for name in ("page.css", "page.js")}
    return (
        f"default-src 'none'; style-src '{hashes['page.css']}'; script-src '{hashes['page.js']}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    )


@cache
def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _links(heading: Heading, wanted: Wanted) -> str:
    uri = escape(heading.uri)
    search = f"?scope={escape(wanted.search)}" if wanted.search else ""
    up = ";up" if wanted.up else ""
    links = [
        (f"{uri}{search}", "Show all servers") if up else (f"{uri};up{search}", "Hide servers that are down"),
        (f"{uri}{up}{search}", "Refresh now"),
        (f"{uri};csv;norefresh{search}", "CSV"),
        (f"{uri};json;norefresh{search}", "JSON"),
        (f"{uri};json-schema", "schema"),
    ]
    if heading.refresh_s:
        links.insert(2, (f"{uri};norefresh{up}{search}", f"Stop the refresh every {heading.refresh_s} s"))
    items = "".join(f'<a href="{address}">{text}</a>' for address, text in links)
    return (
        f'<div class="tools">{items}'
        f'<form method="get" role="search">{_kept(heading.uri)}'
        f'<input type="search" name="scope" aria-label="Proxies whose name contains" '
        f'placeholder="Proxies …" maxlength="20" value="{escape(wanted.search)}"></form>'
        '<label><input type="checkbox" id="wide"> All columns</label>'
        '<label class="js"><input type="checkbox" id="live" checked> Live</label></div>'
    )


def _kept(uri: str) -> str:
    """Return the fields that keep what stands behind `?` in the page's address, which a form would replace."""
    parts = [part.partition("=") for part in uri.partition("?")[2].split("&") if part]
    return "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, _, value in parts)


def _outcome(word: str) -> str:
    colour, told = OUTCOMES.get(word, ("", ""))
    return f'<p class="{colour}">{told}</p>' if told else ""


def _process(registry: Registry, now: float, heading: Heading) -> str:
    minutes, seconds = divmod(heading.uptime_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    admission = registry.admission
    facts = (
        ("pid", str(heading.pid)),
        ("uptime", f"{days}d {hours}h{minutes:02d}m{seconds:02d}s"),
        ("clients", f"{grouped(admission.live)} of {grouped(registry.maxconn)}"),
        ("new clients", f"{grouped(admission.rate.per_second(now))}/s"),
        ("clients in all", grouped(registry.sessions.ever)),
    )
    items = "".join(f"<div><dt>{label}</dt><dd>{text}</dd></div>" for label, text in facts)
    return f'<dl class="process">{items}</dl>\n'


def _section(proxy: Proxy, reader: Reader) -> str:
    name = escape(proxy.name)
    backend = proxy.backend
    about = proxy.mode if backend is None else f"{proxy.mode}, balance {escape(backend.balance)}"
    about = f" <small>{about}, id {proxy.number}</small>" if reader.legends else ""
    text = f'<div class="scroll">{table(proxy, reader)}</div>'
    if reader.admin and proxy.servers:
        text = f'<form method="post">{text}{_choice(proxy.number)}</form>\n{weights.form(proxy)}'
    told = f' <span class="told">{escape(proxy.description)}</span>' if proxy.description else ""
    head = f'<h2><a href="#{name}">{name}</a>{about}{told}</h2>{_moving(proxy)}'
    return f'<section id="{name}" class="proxy {state_of_proxy(proxy)}">{head}{text}</section>\n'


def _moving(proxy: Proxy) -> str:
    """Return how far keys have followed the weights, where they are on the way."""
    report = None if proxy.backend is None else proxy.backend.epochs
    progress = None if report is None else report.progress()
    if progress is None or not progress.epochs:
        return ""
    return (
        f'<p class="moving">Keys follow the weights: {grouped(progress.keys_moved)} moved, '
        f"{grouped(progress.slots_left)} slots left.</p>"
    )


def _choice(proxy_id: int) -> str:
    """Return what stands below a table whose servers can be ticked."""
    options = "".join(f'<option value="{action}">{title}</option>' for action, title in ACTIONS)
    return (
        '<p class="choice"><label>Choose the action to perform on the checked servers: <select name="action">'
        f'<option value=""></option>{options}</select></label><input type="hidden" name="b" value="#{proxy_id}"> '
        '<input type="submit" value="Apply"></p>'
    )
