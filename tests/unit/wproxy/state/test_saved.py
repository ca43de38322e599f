from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wproxy.config.loader import parse
from wproxy.config.model import Address
from wproxy.state import saved
from wproxy.state.control import Control
from wproxy.state.epochs import Progress
from wproxy.state.registry import Registry
from wproxy.state.server import Server

CONFIGURATION = """
listen main
    bind 127.0.0.1:1
    server a 127.0.0.1:2 weight {weight}
    server b 127.0.0.1:3 weight 70 {options}
"""


def running(weight: int = 30, options: str = "") -> tuple[Registry, Control]:
    registry = Registry(parse(CONFIGURATION.format(weight=weight, options=options), "cfg", {}), 100, 0.0)
    return registry, Control(registry, lambda: 0.0)


def server(registry: Registry, name: str) -> Server:
    return registry.backends["main"].by_name[name]


def test_what_is_as_configured_is_not_kept() -> None:
    registry, control = running()
    control.set_weight(server(registry, "a"), "50")
    control.set_weight(server(registry, "a"), "30")
    control.set_drain(server(registry, "b"))
    control.set_ready(server(registry, "b"))
    assert saved.changes(registry) == {"version": 1, "servers": {}}


def test_weights_and_states_come_back() -> None:
    before, control = running()
    control.set_weight(server(before, "a"), "50")
    control.set_drain(server(before, "b"))
    kept = saved.changes(before)
    assert kept == {
        "version": 1,
        "servers": {"main/a": {"weight": [30, 50]}, "main/b": {"state": ["ready", "drain"]}},
    }
    after, control = running()
    lines = list(saved.restore(kept, after, control))
    assert (server(after, "a").weight, server(after, "b").status) == (50, "DRAIN")
    assert lines == [
        "Server main/a: weight 50, as set at runtime (configuration: 30).",
        "Server main/b: state drain, as set at runtime (configuration: ready).",
    ]
    assert saved.changes(after) == kept


def test_maintenance_set_at_runtime_comes_back_and_so_does_its_end() -> None:
    before, control = running()
    control.set_maint(server(before, "b"))
    after, control = running()
    list(saved.restore(saved.changes(before), after, control))
    assert server(after, "b").admin.maint

    before, control = running(options="disabled")
    control.set_ready(server(before, "b"))
    assert saved.changes(before)["servers"] == {"main/b": {"state": ["maint", "ready"]}}
    after, control = running(options="disabled")
    list(saved.restore(saved.changes(before), after, control))
    assert not server(after, "b").admin.maint


def test_a_value_that_changed_in_the_configuration_wins_and_says_so() -> None:
    before, control = running()
    control.set_weight(server(before, "a"), "50")
    after, control = running(weight=40)
    assert list(saved.restore(saved.changes(before), after, control)) == [
        "Server main/a: weight 40 of the configuration replaces 50, which was set at runtime when it was 30."
    ]
    assert server(after, "a").weight == 40


def test_a_server_that_is_gone_is_passed_over() -> None:
    registry, control = running()
    document = {"version": 1, "servers": {"main/gone": {"weight": [1, 2]}}}
    assert list(saved.restore(document, registry, control)) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"version": 2, "servers": {"main/a": {"weight": [30, 50]}}},
        {"version": 1, "servers": []},
        {"version": 1, "servers": {"main/a": 1}},
        {"version": 1, "servers": {"main/a": {"weight": 50}}},
        {"version": 1, "servers": {"main/a": {"weight": [30]}}},
        {"version": 1, "servers": {"main/a": {"weight": [30, 257]}}},
        {"version": 1, "servers": {"main/a": {"weight": [30, True]}}},
        {"version": 1, "servers": {"main/a": {"state": ["ready", "asleep"]}}},
    ],
)
def test_a_damaged_document_changes_nothing(document: dict[str, Any]) -> None:
    registry, control = running()
    assert list(saved.restore(document, registry, control)) == []
    assert saved.changes(registry)["servers"] == {}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["main/a", "main/b"]), _JSON)
    | st.dictionaries(
        st.sampled_from(["main/a", "main/b"]), st.dictionaries(st.sampled_from(["weight", "state"]), st.lists(_JSON))
    )
)
def test_no_document_is_too_wild(servers: dict[str, Any]) -> None:
    registry, control = running()
    list(saved.restore({"version": 1, "servers": servers}, registry, control))
    assert all(0 <= one.weight <= 256 for one in registry.servers())


def test_addresses_come_back() -> None:
    before, control = running()
    control.set_address(server(before, "a"), Address("::1", 9))
    kept = saved.changes(before)
    assert kept["servers"] == {"main/a": {"address": ["127.0.0.1:2", "[::1]:9"]}}
    after, control = running()
    assert list(saved.restore(kept, after, control)) == [
        "Server main/a: address [::1]:9, as set at runtime (configuration: 127.0.0.1:2)."
    ]
    assert server(after, "a").address == Address("::1", 9)


@pytest.mark.parametrize("damaged", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "name:1", 7, None])
def test_an_address_that_is_none_is_passed_over(damaged: object) -> None:
    registry, control = running()
    kept = {"version": 1, "servers": {"main/a": {"address": ["127.0.0.1:2", damaged]}}}
    assert list(saved.restore(kept, registry, control)) == []


KEYED = """
listen main
    mode redis
    balance key
    bind 127.0.0.1:1
    server a 127.0.0.1:2 weight 30
    server b 127.0.0.1:3 weight 70
"""
Table = dict[str, int]


class Moving:
    """Stands for whoever moves the keys."""

    def __init__(self, *places: Table) -> None:
        self._places = list(places)

    def progress(self) -> Progress:
        raise NotImplementedError

    def places(self) -> list[Table]:
        return self._places

    def owes(self, name: str) -> int:
        raise NotImplementedError


def restored(places: object) -> Registry:
    registry = Registry(parse(KEYED, "cfg", {}), 100, 0.0)
    document = {"version": 1, "servers": {}, "places": {"main": places}}
    assert list(saved.restore(document, registry, Control(registry, lambda: 0.0))) == []
    return registry


def test_where_keys_may_lie_is_kept_until_whoever_moves_them_has_taken_it_over() -> None:
    """A process that ends, or does not come to serve, before it has looked leaves what it has found."""
    before: list[Table] = [{"a": 1, "b": 1}, {"a": 0, "b": 1}]
    registry = restored(before)
    backend = registry.backends["main"]
    backend.epochs = Moving()
    assert saved.changes(registry)["places"] == {"main": before}
    backend.epochs = Moving({"a": 0, "b": 1})
    assert saved.changes(registry)["places"] == {"main": [{"a": 0, "b": 1}]}


def test_however_many_weights_there_were_each_server_that_may_have_keys_is_known() -> None:
    places: list[Table] = [{"a": number, "b": 1} for number in range(200)] + [{"a": 5, "b": 7}]
    assert restored(places).backends["main"].places == [{"b": 1}, {"a": 1}, {"a": 5, "b": 7}]


@pytest.mark.parametrize("places", [7, {"a": 1}, [7], [{"a": 0}], [{"a": 257}], [{"a": "1"}]])
def test_damaged_places_are_passed_over(places: object) -> None:
    assert restored(places).backends["main"].places == []
