from __future__ import annotations

import json

from tests.unit.wproxy.observe.page.site import registry
from wproxy.observe.page.rows import Wanted
from wproxy.observe.page.texts import text


def test_csv_of_what_is_wanted() -> None:
    lines = text(registry(), 101.0, Wanted(frozenset({"back"})), "csv").splitlines()
    assert [line.split(",")[0] for line in lines] == ["# pxname", "back", "back", "back"]
    assert len(text(registry(), 101.0, Wanted(), "csv").splitlines()) == 5
    assert len(text(registry(), 101.0, Wanted(no_maint=True), "csv").splitlines()) == 4


def test_json_and_typed() -> None:
    assert len(json.loads(text(registry(), 101.0, Wanted(search="fron"), "json"))) == 1
    assert text(registry(), 101.0, Wanted(search="fron"), "typed").startswith("F.2.0.0.pxname.1:KNS:str:front\n")


def test_addresses_are_for_legends() -> None:
    for legends in (False, True):
        assert ("127.0.0.1:1" in text(registry(), 101.0, Wanted(legends=legends), "csv")) is legends
