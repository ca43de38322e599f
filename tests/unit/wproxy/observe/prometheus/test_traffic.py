from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.columns import COLUMNS
from wproxy.observe.prometheus.metric import Sample
from wproxy.observe.prometheus.traffic import ROWS, Line, metrics
from wproxy.observe.statistics import Filter, rows
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.registry import Registry
from wproxy.state.server import Admin


@pytest.fixture
def registry() -> Registry:
    return Registry(config(line("a", 30, check=True), line("b", disabled=True), line("c")), 10, 100.0)


def lines(registry: Registry, kind: str) -> list[Line]:
    shown = [each for each in rows(registry, 101.0, Filter()) if each.kind == kind]
    servers = [Line(each, ()) for each in rows(registry, 101.0, Filter()) if each.kind == "S"] if kind == "B" else []
    return [Line(each, (("proxy", str(each.values[0])),), servers) for each in shown]


def samples(registry: Registry, kind: str, name: str) -> Sequence[Sample]:
    return next(each.samples for each in metrics(kind, lines(registry, kind)) if each.name == name)


def state(found: Sequence[Sample]) -> list[str]:
    return [sample.labels[-1][1] for sample in found if sample.value]


def test_names_are_told_once_and_kinds_exist() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {kind for row in ROWS for kind in row.kinds} == set("FBS")
    assert all(row.type == "counter" for row in ROWS if row.name.endswith("_total"))


def test_values_of_columns(registry: Registry) -> None:
    registry.backends["back"].by_name["a"].counters.sessions = 7
    assert [each.value for each in samples(registry, "S", "haproxy_server_sessions_total")] == [7, 0, 0]
    assert [each.value for each in samples(registry, "S", "haproxy_server_check_failures_total")] == [0, None, None]


def test_states_are_one_of(registry: Registry) -> None:
    assert state(samples(registry, "S", "haproxy_server_status")) == ["UP", "MAINT", "UP"]
    assert state(samples(registry, "F", "haproxy_frontend_status")) == ["UP"]
    server = registry.backends["back"].by_name["a"]
    server.health.force(up=False)
    assert state(samples(registry, "S", "haproxy_server_status"))[0] == "DOWN"
    server.health.passed()  # DOWN 1/2
    assert state(samples(registry, "S", "haproxy_server_status"))[0] == "DOWN"
    server.admin = Admin.FORCED_DRAIN
    server.health.force(up=True)
    assert state(samples(registry, "S", "haproxy_server_status"))[0] == "DRAIN"
    together = samples(registry, "B", "haproxy_backend_agg_server_status")
    assert {each.labels[-1][1]: each.value for each in together} == {
        "DOWN": 0,
        "UP": 1,
        "MAINT": 1,
        "DRAIN": 1,
        "NOLB": 0,
    }


def test_checks_are_of_servers_that_are_checked(registry: Registry) -> None:
    registry.backends["back"].by_name["a"].last_check = CheckResult(CheckStatus.L7STS, code=500)
    assert state(samples(registry, "S", "haproxy_server_check_status")) == ["L7STS"]
    assert [each.value for each in samples(registry, "S", "haproxy_server_check_code")] == [500]
    registry.backends["back"].by_name["a"].check_running = True  # "* L7STS"
    assert state(samples(registry, "B", "haproxy_backend_agg_check_status")) == ["L7STS"]


def test_milliseconds_are_seconds(registry: Registry) -> None:
    registry.backends["back"].by_name["a"].counters.times.add(0, 5, 1500, 1)
    found = samples(registry, "S", "haproxy_server_max_total_time_seconds")
    assert [each.value for each in found] == [1.5, 0.0, 0.0]


def test_what_belongs_to_mode_http_is_left_out_elsewhere(registry: Registry) -> None:
    assert samples(registry, "F", "haproxy_frontend_http_requests_total") == []
    assert samples(registry, "S", "haproxy_server_http_responses_total") == []


def test_every_column_exists() -> None:
    names = {column.name for column in COLUMNS}
    used = {row.samples.args[0] for row in ROWS if hasattr(row.samples, "args")}
    assert used <= names
