from __future__ import annotations

import re

import pytest

from tests.unit.wproxy.observe.page.site import proxy, reader, registry, row
from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.page.table import COLUMNS, state_of, state_of_proxy, table
from wproxy.state.frontend import FrontendStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin
from wproxy.state.warmup import Warmup


def text(live: Registry, name: str = "back", *, admin: bool = False) -> str:
    return table(proxy(live, name), reader(live, admin=admin))


def test_every_line_has_a_cell_for_every_column() -> None:
    made = text(registry())
    for cells in re.findall(r'<tr id="back/.*?</tr>', made, re.DOTALL):
        assert cells.count("<td") == len(COLUMNS)
    assert made.count('<tr class="details">') == 3
    assert made.count('<th scope="col"') == len(COLUMNS) + 1


def test_nobody_can_change_anything_but_an_administrator() -> None:
    assert 'name="s"' not in text(registry())
    assert "<button" not in text(registry())
    made = text(registry(), admin=True)
    assert made.count('type="checkbox" name="s" value="a">') == 1
    assert made.count("<button") == 6
    assert '<button type="button" value="maint" aria-pressed="true">' in made
    assert 'name="s"' not in text(registry(), "front", admin=True)


def test_names_are_no_markup() -> None:
    live = registry(config(line('<b>"')))
    assert '<b>"' not in text(live, admin=True)
    assert 'data-server="&lt;b&gt;&quot;"' in text(live)


def test_each_cell_tells_its_name_where_there_is_no_head() -> None:
    made = text(registry())
    assert 'data-t="Sessions Total"' in made
    assert '<td data-t="Weight">30 <small>100.0 %</small></td>' in made
    assert '<td class="more nil" data-t="Sessions LbTot">0</td>' in made


def test_what_a_slow_start_leaves_of_a_weight_is_shown_with_it() -> None:
    live = registry(config(line("a", 10, slowstart_s=10)))
    server = live.backends["back"].by_name["a"]
    server.warmup = Warmup(10, 100.0, weighted=True)
    live.backends["back"].rebuild()
    assert '<td data-t="Weight">1/10 <small>100.0 %</small></td>' in text(live)


@pytest.mark.parametrize(
    ("change", "colour"),
    [
        ({}, "up"),
        ({"admin": Admin.FORCED_MAINT}, "maint"),
        ({"admin": Admin.FORCED_DRAIN}, "drain"),
        ({"stopping": True}, "nolb"),
        ({"checking": False}, "unchecked"),
        ({"checking": False, "forced_down": True}, "down"),
    ],
)
def test_the_colour_of_a_server(change: dict[str, object], colour: str) -> None:
    live = registry()
    for name, value in change.items():
        setattr(live.backends["back"].by_name["a"], name, value)
    assert state_of(row(live, "a")).replace("going-down", "up") == colour


def test_a_server_on_its_way_has_a_colour_of_its_own() -> None:
    live = registry()
    health = live.backends["back"].by_name["a"].health
    health.counter = health.rise + health.fall - 1
    assert state_of(row(live, "a")) == "up"
    health.failed()
    assert state_of(row(live, "a")) == "going-down"
    health.force(up=False)
    assert state_of(row(live, "a")) == "down"
    health.passed()
    assert state_of(row(live, "a")) == "going-up"


def test_backup_servers_and_dead_proxies() -> None:
    live = registry(config(line("a", backup=True)))
    assert state_of(row(live, "a")) == "unchecked backup"
    live.backends["back"].by_name["a"].forced_down = True
    live.backends["back"].rebuild()
    assert (state_of(row(live, "Backend")), state_of_proxy(proxy(live))) == ("backend down", "down")
    live.frontends["front"].status = FrontendStatus.PAUSED
    assert state_of_proxy(proxy(live, "front")) == "frontend maint"


def test_a_proxy_warns_of_its_servers() -> None:
    live = registry(config(line("a"), line("b")))
    assert state_of_proxy(proxy(live)) == "up"
    live.backends["back"].by_name["a"].forced_down = True
    live.backends["back"].rebuild()
    assert state_of_proxy(proxy(live)) == "going-down"
