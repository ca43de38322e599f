from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wproxy.config.http.exchange import http_scope
from tests.unit.wproxy.observe.logs.requests import Request, request
from tests.unit.wproxy.state.parties import HERE
from wproxy.config.acl.facts import SILENT, Stage
from wproxy.config.log_formats import parse_log_format
from wproxy.config.model import Address, LogFormat, Logs, LogTarget
from wproxy.observe.logs.exchange_log import ExchangeLog
from wproxy.observe.logs.header import Sender
from wproxy.observe.logs.outputs import Output, Outputs
from wproxy.state.admission import Admission
from wproxy.state.session import Sessions

FORMAT = "%ST %B %Ta %ac/%fc/%bc/%sc %[capture.req.method]"


class Logged:
    """The log of requests, and what it sent."""

    def __init__(self, **settings: Any) -> None:
        self.lines: list[str] = []
        sessions = Sessions(Admission(100))
        target = LogTarget(Address(path="/dev/log"), HERE, 0, LogFormat.PRIORITY)
        output = Output(target, Sender("tag", 7, None), lambda line: self.lines.append(line.decode()))
        pieces = parse_log_format(FORMAT, http_scope(Stage.LOG))
        clocks = (lambda: 100.5), (lambda: 1_234_567_890.0)
        self.log = ExchangeLog(Logs(format=pieces, **settings), Outputs([output], lambda: 0.0), sessions, clocks)
        self.request: Request = request(sessions)

    def run(self) -> str:
        self.log.responded(self.request)
        self.log.finished(self.request)
        return "".join(self.lines)


def test_the_line_comes_at_the_end() -> None:
    assert Logged().run() == "<6>200 345 500 1/1/2/2 GET\n"


def test_as_soon_as_possible_it_comes_once_and_early() -> None:
    assert Logged(as_soon_as_possible=True).run() == "<6>200 +345 +500 1/1/3/3 GET\n"
    failed = Logged(as_soon_as_possible=True)
    failed.request.responded_at = None
    failed.log.finished(failed.request)
    assert failed.lines == ["<6>200 345 500 1/1/2/2 GET\n"]


def test_without_server_and_without_backend() -> None:
    logged = Logged()
    logged.request.server = None
    logged.request.routed = False
    assert logged.run() == "<6>200 345 500 1/1/0/0 GET\n"


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({}, False),
        ({"status": 404}, False),
        ({"status": 500}, True),
        ({"termination": "CD"}, True),
        ({"retries": 1}, True),
        ({"redispatched": True}, True),
    ],
)
def test_what_counts_as_failed(change: dict[str, Any], failed: bool) -> None:
    quiet, grave = Logged(normal=False), Logged(separate_errors=True)
    for logged in (quiet, grave):
        for name, value in change.items():
            setattr(logged.request, name, value)
    assert bool(quiet.run()) is failed
    assert grave.run().startswith("<3>" if failed else "<6>")


def test_levels() -> None:
    logged = Logged()
    assert logged.request.facts is not None
    logged.request.facts.log_level = 1
    assert logged.run().startswith("<1>")
    silent = Logged()
    assert silent.request.facts is not None
    silent.request.facts.log_level = SILENT
    assert silent.run() == ""


def test_a_request_that_was_none() -> None:
    logged = Logged()
    logged.request.facts = None
    assert logged.run().endswith(" -\n")


def test_silent_clients_may_go_unlogged() -> None:
    logged = Logged(null=False)
    logged.request.facts = None
    assert logged.run() == ""
    logged.request.session.bytes_in = 1
    assert logged.run() != ""
