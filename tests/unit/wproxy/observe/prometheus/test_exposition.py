from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.unit.wproxy.observe.prometheus.test_redis import in_redis
from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.information import Process
from wproxy.observe.prometheus import QueryError, text
from wproxy.state.commands import CommandCounters
from wproxy.state.registry import Registry

PROCESS = Process("2.6", "", 1, 5.0, 1.0, 105.0, "node", "", 64, stopping=False)


def registry() -> Registry:
    live = Registry(in_redis(config(line("a", 30), line("b", disabled=True), balance="key")), 10, 100.0)
    live.backends["back"].by_name["a"].counters.commands["get"] = CommandCounters(3, 1)
    return live


def prefixes(query: str) -> set[str]:
    names = [family.name for family in text_string_to_metric_families(text(registry(), PROCESS, query).decode())]
    assert len(names) == len(set(names))
    return {"_".join(name.split("_")[:2]) for name in names}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("scope=global", {"haproxy_process"}),
        ("scope=frontend&x", {"haproxy_frontend", "wproxy_frontend"}),
        ("scope=server&scope=global", {"haproxy_server", "wproxy_server", "haproxy_process"}),
        ("scope=%73erver", {"haproxy_server", "wproxy_server"}),
        ("scope=listener", set()),
        ("scope=sticktable", set()),
        ("scope=backend&scope=", set()),
    ],
)
def test_scopes(query: str, found: set[str]) -> None:
    assert prefixes(query) == found


def test_everything_is_the_default() -> None:
    assert prefixes("") == prefixes("scope=*") == prefixes("extra-counters&y=z")
    assert len(prefixes("")) == 6


def test_servers_in_maintenance_can_be_left_out_and_are_counted_all_the_same() -> None:
    found = text(registry(), PROCESS, "no-maint").decode()
    assert 'server="b"' in text(registry(), PROCESS, "").decode()
    assert 'server="b"' not in found
    assert 'haproxy_backend_agg_server_status{proxy="back",state="MAINT"} 1' in found


@pytest.mark.parametrize("query", ["scope=nope", "scope=Global", "scope=global&scope=x%20y"])
def test_a_scope_that_does_not_exist_is_an_error(query: str) -> None:
    with pytest.raises(QueryError, match="there are global, frontend"):
        text(registry(), PROCESS, query)
