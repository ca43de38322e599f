"""A small configuration whose page is looked at: front, and back with servers a (checked) and b (in maintenance)."""

from __future__ import annotations

from tests.unit.wproxy.state.parties import config, line
from wproxy.config.model import Config
from wproxy.observe.history import History
from wproxy.observe.page import Heading, Reader, Wanted, html
from wproxy.observe.page.rows import Proxy, Row, proxies
from wproxy.state.registry import Registry

HEADING = Heading(7, 90061, "/stats")
ALL = Wanted()


def registry(made: Config | None = None) -> Registry:
    return Registry(made or config(line("a", 30, check=True), line("b", 70, disabled=True)), 10, 100.0)


def reader(live: Registry, *, admin: bool = False, legends: bool = False, modules: bool = False) -> Reader:
    return Reader(History(live), admin, legends, modules)


def page(live: Registry, heading: Heading = HEADING, wanted: Wanted = ALL, *, admin: bool = False) -> str:
    return html(live, 101.0, heading, wanted, reader(live, admin=admin))


def proxy(live: Registry, name: str = "back", wanted: Wanted = ALL) -> Proxy:
    return next(each for each in proxies(live, 101.0, wanted) if each.name == name)


def row(live: Registry, name: str) -> Row:
    return next(each for each in proxy(live).rows if each.name == name)
