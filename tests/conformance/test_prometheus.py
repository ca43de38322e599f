"""The metrics of the Prometheus exporter beside HAProxy's: names, types, texts, labels and values.

Ours come from live parts that are built here from the same configuration and put into the same states.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection

import pytest

from tests.support.programs import free_port, haproxy, need
from tests.support.stats import Stats
from tests.support.tcp_server import TIMEOUT_S, named_server
from tests.support.waiting import wait_for
from wproxy.config.loader import parse
from wproxy.observe import prometheus
from wproxy.observe.information import Process
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.commands import CommandCounters
from wproxy.state.control import Control
from wproxy.state.registry import Registry

CONFIG = """\
global
    stats socket {folder}/haproxy.sock mode 600 level admin
    maxconn 100
defaults
    timeout connect 2s
    timeout client 20s
    timeout server 20s
listen main
    bind 127.0.0.1:{main}
    mode tcp
    stick-table type ip size 1000 expire 1m
    server a 127.0.0.1:{up} weight 30 maxconn 7 maxqueue 9
    server b 127.0.0.1:{up} weight 70 disabled
    server c 127.0.0.1:{up} check inter 24h
    server d 127.0.0.1:{up} check inter 24h disabled
    server e 127.0.0.1:{up} backup
    server f 127.0.0.1:{up}
    server g 127.0.0.1:{up}
listen page
    bind 127.0.0.1:{page}
    mode http
    stats enable
"""
EXPORTER = """\
listen page2
    bind 127.0.0.1:{port}
    mode http
    http-request use-service prometheus-exporter if {{ path /metrics }}
"""
PROCESS = Process("2.6", "", 1, 5.0, 1.0, 105.0, "node", "", 1000, stopping=False)

# Of the process, of the exporter's own proxy, and what each counts in its own way.
_ELSEWHERE = re.compile(r"haproxy_process_.*|.*\{proxy=\"page2?\".*|haproxy_listener_.*")
# How long ago, and what depends on when the first check came.
_PASSING = re.compile(r"haproxy_[a-z]+_(check_last_change_seconds|downtime_seconds_total|check_duration_seconds).*")
# HAProxy guesses it from the servers that have had a session.
_GUESSED = re.compile(r"haproxy_server_need_connections_current.*|haproxy_(frontend|backend)_limit_sessions.*")


@dataclass(frozen=True)
class Both:
    """HAProxy's exporter, and our live parts."""

    port: int
    registry: Registry

    def ask(self, query: str = "") -> tuple[int, str]:
        client = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            client.request("GET", f"/metrics?{query}")
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        finally:
            client.close()

    def ours(self, query: str = "") -> str:
        return prometheus.text(self.registry, PROCESS, query).decode()


STATES = {"a": "drain", "f": "maint"}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    folder = tmp_path_factory.mktemp("prometheus")
    main, page, port = free_port(), free_port(), free_port()
    with named_server("up") as up:
        text = CONFIG.format(folder=folder, main=main, page=page, up=up)
        with haproxy(folder, text + EXPORTER.format(port=port), port):
            stats = Stats(folder / "haproxy.sock")
            stats.wait_until_served()
            wait_for(lambda: stats.row("c")["check_status"] == "L4OK", what="c checked")
            registry = Registry(parse(text, "haproxy.cfg", {}), 100, 100.0)
            control = Control(registry, lambda: 105.0)
            servers = registry.backends["main"].by_name
            for name, state in STATES.items():
                stats.ask(f"set server main/{name} state {state}")
                {"drain": control.set_drain, "maint": control.set_maint}[state](servers[name])
            stats.ask("set server main/g health stopping")
            control.set_stopping(servers["g"])
            servers["c"].last_check = CheckResult(CheckStatus.L4OK)
            yield Both(port, registry)


def heads(text: str) -> dict[str, list[str]]:
    """Return HELP and TYPE of each metric."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            found.setdefault(name, []).append(f"{kind} {rest}")
    return found


def samples(text: str) -> dict[str, str]:
    return dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))


def test_the_same_names_types_and_texts(both: Both) -> None:
    theirs, ours = heads(both.ask()[1]), heads(both.ours())
    shared = {name: head for name, head in ours.items() if name.startswith("haproxy_")}
    listeners = {name for name in theirs if name.startswith("haproxy_listener_")}
    assert {name: theirs.get(name) for name in shared} == shared
    assert set(theirs) - listeners == set(shared)
    assert list(shared) == [name for name in theirs if name not in listeners]


def test_the_same_labels_and_values(both: Both) -> None:
    theirs, ours = samples(both.ask()[1]), samples(both.ours())
    kept = {name: value for name, value in theirs.items() if not _ELSEWHERE.fullmatch(name)}
    passing = {name for name in kept if _PASSING.fullmatch(name) or _GUESSED.fullmatch(name)}
    assert {name: ours.get(name) for name in kept if name not in passing} == {
        name: value for name, value in kept.items() if name not in passing
    }
    assert passing <= set(ours)
    assert {name for name in ours if name.startswith("haproxy_") and not _ELSEWHERE.fullmatch(name)} == set(kept)


def test_the_process_has_the_same_metrics(both: Both) -> None:
    theirs, ours = (
        {name.split("{")[0] for name in samples(text) if name.startswith("haproxy_process_")}
        for text in (both.ask()[1], both.ours())
    )
    assert ours == theirs


@pytest.mark.parametrize(
    "query",
    ["scope=global", "scope=server", "scope=frontend&scope=backend", "scope=", "scope=*", "scope=%73erver", "foo=bar",
     "scope=sticktable", "no-maint", "no-maint=1&scope=server", "scope=frontend&scope=", "scope=&scope=frontend", "",
     "scope=frontend&no-maint&scope=*"],
)  # fmt: skip
def test_the_same_queries(both: Both, query: str) -> None:
    def names(text: str) -> set[str]:
        found = {name for name in samples(text) if not re.search(r'"page2?"|_listener_|build_info', name)}
        return {name for name in found if name.startswith("haproxy_")}

    status, theirs = both.ask(query)
    assert status == 200
    assert names(both.ours(query)) == names(theirs)


@pytest.mark.parametrize("query", ["scope=nope", "scope=frontend&scope=nope", "scope=Frontend"])
def test_a_scope_that_does_not_exist(both: Both, query: str) -> None:
    assert both.ask(query)[0] == 400
    with pytest.raises(prometheus.QueryError):
        both.ours(query)


def test_promtool_has_no_more_to_say_than_of_haproxys(both: Both) -> None:
    """Some of HAProxy's names are not as Prometheus would like them; those that are ours are."""

    def complaints(text: str) -> set[str]:
        command = [need("promtool"), "check", "metrics"]
        finished = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
        assert finished.returncode in (0, 3), finished
        return set(finished.stderr.splitlines())

    assert complaints(both.ours()) <= complaints(both.ask()[1])
    keys = "backend keys\n mode redis\n balance key\n timeout connect 1s\n timeout server 1s\n server a 127.0.0.1:1\n"
    registry = Registry(parse(keys, "redis.cfg", {}), 100, 100.0)
    registry.backends["keys"].by_name["a"].counters.commands["get"] = CommandCounters(3, 1)
    text = prometheus.text(registry, PROCESS, "").decode()
    assert 'wproxy_server_command_calls_total{proxy="keys",server="a",command="get"} 3' in text
    assert not [line for line in complaints(text) if line.startswith("wproxy_")]
