"""Fixtures that every test may ask for."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.programs import redis_server
from tests.support.rabbitmq import Broker, rabbitmq

# A busy machine is no fault: how long an example takes is not what is tested. CI tries the same examples every time, so
# that it fails for what has changed only; everybody else tries new ones.
settings.register_profile(
    "wproxy", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("wproxy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have long tests begin first, and give no second chance (`--reruns` of .ci/run) to those marked `once`."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        if item.get_closest_marker("once") is not None:
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let go of what a test that failed has left open: it is not to fail the next one by a warning."""
    if getattr(sys, "last_traceback", None) is None:
        return
    del sys.last_type, sys.last_value, sys.last_traceback
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell why a test was run again, whether it passed then or not."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.write_sep("_", f"at first: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture
def redis_pair(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two real Redis servers; yields their ports."""
    with redis_server(tmp_path) as first, redis_server(tmp_path) as second:
        yield first, second


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One real RabbitMQ for all tests of a test process, since starting one is dear: each has queues of its own."""
    with rabbitmq(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(autouse=True)
def state_directory(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a folder of its own for what proxies remember, as systemd does; yields it."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("STATE_DIRECTORY", str(folder))
    return folder
