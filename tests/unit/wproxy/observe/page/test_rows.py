from __future__ import annotations

import pytest

from tests.unit.wproxy.observe.page.site import proxy, registry
from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.page.rows import Wanted, proxies


def test_every_line_is_there_with_whom_it_is_about() -> None:
    live = registry()
    back = proxy(live)
    assert [(row.kind, row.name) for row in back.rows] == [("server", "a"), ("server", "b"), ("backend", "Backend")]
    assert [row.party for row in back.rows] == [*live.backends["back"].servers, live.backends["back"]]
    assert (back.backend, back.number, back.mode) == (live.backends["back"], 3, "tcp")
    front = proxy(live, "front")
    assert (front.backend, front.servers, front.rows[0].name) == (None, [], "Frontend")


def test_values_as_numbers_and_as_text() -> None:
    row = proxy(registry()).rows[0]
    assert (row.number("weight"), row.text("weight"), row.number("qlimit"), row.text("qlimit")) == (30, "30", 0, "")


def test_shares_are_of_what_takes_part() -> None:
    assert [row.share for row in proxy(registry()).rows] == [1.0, 0.0, None]
    live = registry(config(line("a", 30), line("b", 70)))
    assert [row.share for row in proxy(live).rows] == [0.3, 0.7, None]


def test_of_keys_also_what_is_down_has_a_share() -> None:
    live = registry(config(line("a", 30), line("b", 70), balance="key"))
    live.backends["back"].by_name["b"].forced_down = True
    live.backends["back"].rebuild()
    assert [row.share for row in proxy(live).rows] == [0.3, 0.7, None]


def test_without_any_weight_there_is_no_share() -> None:
    assert [row.share for row in proxy(registry(config(line("a", 0)))).rows] == [0.0, None]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Wanted(), ["front", "back"]),
        (Wanted(frozenset({"front"})), ["front"]),
        (Wanted(search="AC"), ["back"]),
        (Wanted(frozenset({"front"}), "ac"), []),
    ],
)
def test_which_proxies(wanted: Wanted, names: list[str]) -> None:
    assert [each.name for each in proxies(registry(), 101.0, wanted)] == names


def test_what_is_not_up_can_be_left_out() -> None:
    for wanted in (Wanted(up=True), Wanted(no_maint=True)):
        assert [row.name for row in proxy(registry(), wanted=wanted).rows] == ["a", "Backend"]


def test_addresses_are_for_legends() -> None:
    assert [proxy(registry(), wanted=Wanted(legends=shown)).rows[0].text("addr") for shown in (False, True)] == [
        "",
        "127.0.0.1:1",
    ]
