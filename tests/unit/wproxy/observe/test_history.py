from __future__ import annotations

from tests.unit.wproxy.state.parties import Clock, config, line
from wproxy.config.model import Mode
from wproxy.observe.history import CHANGES, PACE_S, SAMPLES, History, noun
from wproxy.state.control import Control
from wproxy.state.registry import Registry


def site() -> tuple[Registry, History]:
    registry = Registry(config(line("a"), line("b")), 10, 0.0)
    return registry, History(registry)


def test_rates_are_what_came_since_the_last_sample() -> None:
    registry, past = site()
    server = registry.backends["back"].by_name["a"]
    assert past.rates(server) == []
    for total in (10, 10, 15):
        server.counters.sessions = total
        past.sample(registry)
    assert past.rates(server) == [10 / PACE_S, 0.0, 5 / PACE_S]


def test_counters_that_were_cleared_begin_again() -> None:
    registry, past = site()
    frontend = registry.frontends["front"]
    for total in (100, 7):
        frontend.counters.sessions = total
        past.sample(registry)
    assert past.rates(frontend)[-1] == 7 / PACE_S


def test_the_ring_is_bounded() -> None:
    registry, past = site()
    for _ in range(2 * SAMPLES):
        past.sample(registry)
    assert len(past.rates(registry.backends["back"])) == SAMPLES


def test_changes_are_bounded_and_the_latest_comes_first() -> None:
    _, past = site()
    for number in range(2 * CHANGES):
        past.note("back", "a", float(number), f"Server back/a is {number}.")
    changes = past.changes("back", "a")
    assert len(changes) == CHANGES
    assert (changes[0].at_s, changes[0].text) == (2 * CHANGES - 1, f"is {2 * CHANGES - 1}.")
    assert past.changes("back", "b") == []


def test_what_is_gone_is_forgotten() -> None:
    registry, past = site()
    backend = registry.backends["back"]
    gone = backend.by_name["a"]
    for name in ("a", "b"):
        past.note("back", name, 0.0, "is gone.")
    Control(registry, Clock()).remove_server(gone)
    past.sample(registry)
    assert past.rates(gone) == []
    assert past.changes("back", "a") == []
    assert past.changes("back", "b") != []


def test_what_is_counted_has_a_name() -> None:
    registry, _ = site()
    front, back = registry.frontends["front"], registry.backends["back"]
    assert [noun(front, mode) for mode in Mode] == ["sessions", "requests", "commands"]
    assert [noun(back, mode) for mode in Mode] == ["sessions", "sessions", "commands"]
