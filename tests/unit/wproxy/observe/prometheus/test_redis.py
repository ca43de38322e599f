from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import config, line
from wproxy.config.model import Config, Mode
from wproxy.observe.prometheus.metric import Sample
from wproxy.observe.prometheus.redis import of_backends, of_frontends, of_servers
from wproxy.state.commands import CommandCounters
from wproxy.state.epochs import Progress
from wproxy.state.registry import Registry
from wproxy.state.slowlog import SlowCommand


def in_redis(made: Config) -> Config:
    return replace(
        made,
        frontends=tuple(replace(each, mode=Mode.REDIS) for each in made.frontends),
        backends=tuple(replace(each, mode=Mode.REDIS) for each in made.backends),
    )


@pytest.fixture
def registry() -> Registry:
    return Registry(in_redis(config(line("a", 30), line("b", 70), line("c", disabled=True), balance="key")), 10, 100.0)


def by_name(registry: Registry, *, no_maint: bool = False) -> dict[str, list[Sample]]:
    backends = list(registry.backends.values())
    found = [*of_frontends(list(registry.frontends.values())), *of_backends(backends)]
    return {each.name: list(each.samples) for each in (*found, *of_servers(backends, no_maint=no_maint))}


def test_commands_of_clients(registry: Registry) -> None:
    registry.frontends["front"].counters.requests = 5
    assert by_name(registry)["wproxy_frontend_commands_total"] == [Sample((("proxy", "front"),), 5)]


def test_slots_by_owner(registry: Registry) -> None:
    found = by_name(registry)["wproxy_server_slots"]
    assert [each.value for each in found] == [4915, 11469, 0]
    assert len(by_name(registry, no_maint=True)["wproxy_server_slots"]) == 2


def test_commands_of_servers(registry: Registry) -> None:
    counters = CommandCounters(3, 1)
    counters.latencies.add(15, 2)
    counters.latencies.add(8)
    registry.backends["back"].by_name["a"].counters.commands["get"] = counters
    found = by_name(registry)
    labels = (("proxy", "back"), ("server", "a"), ("command", "get"))
    assert found["wproxy_server_command_calls_total"] == [Sample(labels, 3)]
    assert found["wproxy_server_command_errors_total"] == [Sample(labels, 1)]
    latencies = found["wproxy_server_command_latency_seconds"]
    assert [(each.labels[-1], each.value) for each in latencies] == [
        (("quantile", "0.5"), 15e-6),
        (("quantile", "0.99"), 15e-6),
        (("quantile", "0.999"), 15e-6),
    ]


def test_durations_are_a_histogram(registry: Registry) -> None:
    counters = CommandCounters(7, 0)
    for microseconds in (63, 64, 100, 5_000, 20_000_000, 2**40):
        counters.latencies.add(microseconds)
    registry.backends["back"].by_name["a"].counters.commands["get"] = counters
    samples = by_name(registry)["wproxy_server_command_duration_seconds"]
    buckets = {each.labels[-1][1]: each.value for each in samples if each.suffix == "_bucket"}
    assert list(buckets)[:2] == ["0.000064", "0.000128"]
    assert [buckets[bound] for bound in ("0.000064", "0.000128", "0.004096", "0.008192", "8.388608")] == [1, 3, 3, 4, 4]
    assert list(buckets)[-1] == "+Inf"
    assert buckets["+Inf"] == 6
    total, count = samples[-2:]
    assert (total.suffix, count.suffix, count.value) == ("_sum", "_count", 6)
    assert total.value == pytest.approx(20.005227 + (2**32 - 1) / 1e6, rel=1 / 16)


def test_slow_commands_where_they_are_kept(registry: Registry) -> None:
    view = registry.backends["back"].view
    assert view is not None
    assert by_name(registry)["wproxy_backend_slow_commands_total"] == []
    view.set_slowlog(1000, 10)
    view.slowlog.keep(SlowCommand(1.0, 2000, "192.0.2.1:5", "a", 3, '"get"'))
    assert by_name(registry)["wproxy_backend_slow_commands_total"] == [Sample((("proxy", "back"),), 3)]


def test_a_command_without_an_answer_has_no_latency(registry: Registry) -> None:
    registry.backends["back"].by_name["a"].counters.commands["get"] = CommandCounters(1)
    assert [each.value for each in by_name(registry)["wproxy_server_command_latency_seconds"]] == [None] * 3


def test_how_far_keys_are(registry: Registry) -> None:
    class Moving:
        def progress(self) -> Progress:
            return Progress(((1, 2.0, 3),), 3, 5, 1200, 1300, 4, ())

        def places(self) -> list[dict[str, int]]:
            return []

        def owes(self, name: str) -> int:
            return 0

    registry.backends["back"].epochs = Moving()
    found = by_name(registry)
    names = ("epochs_open", "epochs_total", "slots_left", "keys_moved_total")
    assert [found[f"wproxy_backend_{name}"][0].value for name in names] == [1, 4, 5, 1300]


def test_nothing_of_other_modes() -> None:
    assert not any(by_name(Registry(config(line("a")), 10, 100.0)).values())
