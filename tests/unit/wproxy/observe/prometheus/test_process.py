from __future__ import annotations

from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.information import FIELDS, Process
from wproxy.observe.prometheus.process import ROWS, metrics
from wproxy.state.registry import Registry

PROCESS = Process('2.6"x', "", 1, 5.5, 1000.0, 105.0, "node", "", 64, stopping=True)


def test_every_row_is_a_line_of_show_info_in_its_order() -> None:
    order = [field.name for field in FIELDS]
    at = [order.index(name) for name, _, _ in ROWS]
    assert at == sorted(at)


def test_values() -> None:
    found = {each.name: each for each in metrics(Registry(config(line("a")), 10, 100.0), PROCESS)}
    assert len(found) == len(ROWS)
    assert found["haproxy_process_uptime_seconds"].samples[0].value == 5
    assert found["haproxy_process_stopping"].samples[0].value == 1
    assert found["haproxy_process_max_fds"].samples[0].value == 64
    assert found["haproxy_process_current_zlib_memory"].samples[0].value is None
    assert found["haproxy_process_build_info"].samples[0].labels == (("version", '2.6"x'),)
