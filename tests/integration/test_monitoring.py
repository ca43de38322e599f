"""The rules file and the dashboard: Prometheus takes them, all they name is exported, alerts come when they should."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from capture.counters import Counters as CaptureCounters
from capture.metrics import CountersCollector as CaptureCollector
from consumer.counters import Counters as ConsumerCounters
from consumer.metrics import CountersCollector as ConsumerCollector
from tests.support.programs import free_port, need, redis_server
from tests.support.proxies import proxy
from tests.support.resp import Client, pack
from tests.support.waiting import wait_for

FOLDER = Path(__file__).parents[2] / "monitoring"
RULES = FOLDER / "wproxy.rules.yml"
_SELECTOR = re.compile(r"\b((?:haproxy|wproxy)_[a-z0-9_]+)\b(?:\{([^}]*)\})?")
_SAMPLE = re.compile(r"^([a-z0-9_]+)(?:\{(.*)\})? \S+$", re.MULTILINE)
_LABEL = re.compile(r'([a-z_]+)(?:=~|!~|!=|=)"')

Exported = dict[str, set[str]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """The labels of each metric that proxy, capture and consumer have, from the pages that they show."""
    collectors = CollectorRegistry()
    collectors.register(CaptureCollector(CaptureCounters()))
    collectors.register(ConsumerCollector(ConsumerCounters()))
    found: Exported = {}
    for page in (_page_of_a_proxy(tmp_path_factory.mktemp("metrics")), generate_latest(collectors).decode()):
        for name, labels in _SAMPLE.findall(page):
            found.setdefault(name, set()).update(_LABEL.findall(labels), {"instance", "job"})
    return found


def _page_of_a_proxy(folder: Path) -> str:
    """Return the metrics of a proxy in modes redis and http."""
    metrics, web = free_port(), free_port()
    rest = f"""
frontend metrics
    bind 127.0.0.1:{metrics}
    mode http
    http-request use-service prometheus-exporter if {{ path /metrics }}
listen web
    bind 127.0.0.1:{web}
    mode http
    server s 127.0.0.1:1 check
"""
    with (
        redis_server(folder) as port,
        proxy("wproxy", folder, "balance key", f"server r 127.0.0.1:{port}", mode="redis", rest=rest) as made,
    ):
        with Client(made.port) as client:
            assert client.pipeline([pack("SET", "k", "v")]) == [b"OK"]

        def page() -> str:
            with closing(HTTPConnection("127.0.0.1", metrics, timeout=5)) as connection:
                connection.request("GET", "/metrics")
                return connection.getresponse().read().decode()

        wait_for(lambda: "wproxy_server_command_calls_total" in page(), what="commands are counted")
        return page()


def rule_expressions() -> Iterator[tuple[str, str]]:
    """Yield what each rule computes, by its alert's name; the file is regular enough to be read without a parser."""
    for block in RULES.read_text().split("- alert: ")[1:]:
        name, _, rest = block.partition("\n")
        yield name, rest.partition("expr:")[2].partition("labels:")[0]


def panel_expressions() -> Iterator[tuple[str, str]]:
    dashboard = json.loads((FOLDER / "grafana/wproxy.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def test_every_metric_and_label_that_is_named_is_exported(exported: Exported) -> None:
    expressions = [*rule_expressions(), *panel_expressions()]
    assert len(expressions) > 50
    named = [(where, *pair) for where, text in expressions for pair in _SELECTOR.findall(text)]
    assert len(named) > 60
    wrong = [
        f"{where}: {name}{{{labels}}}"
        for where, name, labels in named
        if name not in exported or not set(_LABEL.findall(labels)) <= exported[name]
    ]
    assert wrong == []


def test_labels_to_sum_by_are_exported(exported: Exported) -> None:
    known = set().union(*exported.values())
    texts = [text for _, text in (*rule_expressions(), *panel_expressions())]
    summed = {label.strip() for text in texts for by in re.findall(r"by \(([^)]*)\)", text) for label in by.split(",")}
    assert summed <= known


def test_prometheus_takes_the_files() -> None:
    for command in (("rules", RULES), ("config", FOLDER / "prometheus.yml")):
        done = subprocess.run([need("promtool"), "check", *map(str, command)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    names = [name for name, _ in rule_expressions()]
    assert len(names) == len(set(names)) > 15


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    dashboard = json.loads((FOLDER / "grafana/wproxy.json").read_text())
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time", "refresh"} <= dashboard.keys()
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["type"] in ("stat", "timeseries")
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps(panels)))
    assert used <= variables


def test_the_expressions_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": text.replace("$__rate_interval", "1m")}
        for number, (_, text) in enumerate(panel_expressions())
    ]
    file = tmp_path / "panels.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))  # JSON is YAML
    done = subprocess.run([need("promtool"), "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# For each alert: the series that set it off, as promtool writes them (start+step×times, a sample every minute).
_S = 'instance="p", proxy="redis", server="a"'
_B = 'instance="p", proxy="redis"'
TROUBLE: dict[str, dict[str, str]] = {
    "WproxyDown": {'up{job="wproxy", instance="p"}': "0x40"},
    "WproxyServerDown": {f'haproxy_server_status{{{_S}, state="DOWN"}}': "1x40"},
    "WproxyBackendWithoutServers": {f'haproxy_backend_status{{{_B}, state="DOWN"}}': "1x40"},
    "WproxyErrors": {
        f"haproxy_backend_connection_errors_total{{{_B}}}": "0+10x40",
        f"haproxy_backend_response_errors_total{{{_B}}}": "0x40",
        f"haproxy_backend_sessions_total{{{_B}}}": "0+100x40",
    },
    "WproxyHttpErrors": {
        f'haproxy_backend_http_responses_total{{{_B}, code="5xx"}}': "0+10x40",
        f'haproxy_backend_http_responses_total{{{_B}, code="2xx"}}': "0+90x40",
    },
    "WproxyRedisErrors": {
        f'wproxy_server_command_errors_total{{{_S}, command="get"}}': "0+10x40",
        f'wproxy_server_command_calls_total{{{_S}, command="get"}}': "0+100x40",
    },
    "WproxyQueue": {f"haproxy_backend_current_queue{{{_B}}}": "3x40"},
    "WproxyConnectionsNearLimit": {
        'haproxy_process_current_connections{instance="p"}': "95x40",
        'haproxy_process_max_connections{instance="p"}': "100x40",
    },
    "WproxyRebalanceStuck": {
        f"wproxy_backend_epochs_open{{{_B}}}": "1x40",
        f"wproxy_backend_slots_left{{{_B}}}": "50x40",
        f"wproxy_backend_keys_moved_total{{{_B}}}": "7x40",
    },
    "WproxyCaptureDown": {'up{job="wproxy-capture", instance="c"}': "0x40"},
    "WproxyConsumersDown": {'up{job="wproxy-consumer", instance="c"}': "0x40"},
    "WproxyKernelDropsPackets": {'wproxy_capture_kernel_drops_total{instance="c"}': "0+1x40"},
    "WproxyCaptureDrops": {'wproxy_capture_dropped_total{instance="c", reason="spool full"}': "0+1x40"},
    "WproxySpoolFills": {
        'wproxy_capture_spooled_total{instance="c"}': "0+100x40",
        'wproxy_capture_drained_total{instance="c"}': "0x40",
        'wproxy_capture_confirmed_total{instance="c"}': "500x40",
    },
    "WproxyConsumerLag": {
        'wproxy_capture_queued_total{instance="c"}': "0+1000x40",
        'wproxy_consumer_received_observations_total{instance="c"}': "0+500x40",
    },
    "WproxyObservationsExpire": {
        'wproxy_consumer_expired_total{instance="c"}': "0+1x40",
        'wproxy_capture_expired_total{instance="c"}': "0x40",
    },
    "WproxyDeadLetters": {'wproxy_consumer_poison_total{instance="c"}': "0+1x40"},
    "WproxyConsumerRetries": {'wproxy_consumer_retries_total{instance="c"}': "0+1x40"},
}
# The same metrics when all is well, so that nothing fires.
PEACE: dict[str, str] = {
    'up{job="wproxy", instance="p"}': "1x40",
    'up{job="wproxy-capture", instance="c"}': "1x40",
    'up{job="wproxy-consumer", instance="c"}': "1x40",
    f'haproxy_server_status{{{_S}, state="DOWN"}}': "0x40",
    f'haproxy_server_status{{{_S}, state="UP"}}': "1x40",
    f'haproxy_backend_status{{{_B}, state="DOWN"}}': "0x40",
    f"haproxy_backend_connection_errors_total{{{_B}}}": "0+1x40",
    f"haproxy_backend_response_errors_total{{{_B}}}": "0x40",
    f"haproxy_backend_sessions_total{{{_B}}}": "0+100x40",
    f"haproxy_backend_current_queue{{{_B}}}": "0x40",
    'haproxy_process_current_connections{instance="p"}': "50x40",
    'haproxy_process_max_connections{instance="p"}': "100x40",
    f"wproxy_backend_epochs_open{{{_B}}}": "1x40",
    f"wproxy_backend_slots_left{{{_B}}}": "5000-100x40",
    f"wproxy_backend_keys_moved_total{{{_B}}}": "0+700x40",
    # A queue on disk: everything is put there, and the consumer, not capture, takes it away.
    'wproxy_capture_spooled_total{instance="c"}': "0+1000x40",
    'wproxy_capture_drained_total{instance="c"}': "0x40",
    'wproxy_capture_confirmed_total{instance="c"}': "0x40",
    'wproxy_capture_queued_total{instance="c"}': "0+1000x40",
    'wproxy_consumer_received_observations_total{instance="c"}': "0+1000x40",
    'wproxy_consumer_expired_total{instance="c"}': "0x40",
    'wproxy_capture_expired_total{instance="c"}': "0x40",
    'wproxy_consumer_poison_total{instance="c"}': "3x40",
}


def test_every_alert_comes_when_it_should_and_none_in_peace(tmp_path: Path) -> None:
    assert set(TROUBLE) == {name for name, _ in rule_expressions()}
    up = {name: text for name, text in PEACE.items() if name.startswith("up{")}
    cases = [({**up, **series}, [alert]) for alert, series in TROUBLE.items()]
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name, "values": text} for name, text in series.items()],
            "promql_expr_test": [
                {
                    "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                    "eval_time": "30m",
                    "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in alerts],
                }
            ],
        }
        for series, alerts in [*cases, (PEACE, [])]
    ]
    file = tmp_path / "tests.yml"
    file.write_text(json.dumps({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}))
    done = subprocess.run([need("promtool"), "test", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
