from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import config, line
from wproxy.observe.information import FIELDS, Process, text
from wproxy.state.registry import Registry

PROCESS = Process("2.6.0-x", "2026/11/21", 77, 5.25, 1_795_000_000.5, 1.0, "host", "", 1024, stopping=False)


def shown(registry: Registry, process: Process = PROCESS) -> dict[str, str]:
    lines = text(registry, process).splitlines()
    return dict(line.split(": ") for line in lines)


def registry() -> Registry:
    return Registry(config(line()), 500, 0.0)


def test_what_tools_cannot_do_without() -> None:
    """By the table in the contract: haproxyadmin, hatop, Datadog (one colon in each line)."""
    info = shown(registry())
    assert info["Name"] == "HAProxy"
    needed = "Version Release_date Nbproc Process_num Pid Uptime Uptime_sec Maxconn CurrConns Maxpipes PipesUsed Tasks"
    assert set(f"{needed} Run_queue node".split()) <= set(info)
    assert (info["Pid"], info["Maxconn"], info["node"], info["Stopping"]) == ("77", "500", "host", "0")


def test_what_is_not_set_is_not_shown() -> None:
    assert "description" not in shown(registry())
    assert shown(registry(), replace(PROCESS, description="mine", stopping=True))["description"] == "mine"


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "0d 0h00m05s"), (3_661, "0d 1h01m01s"), (86_400 * 3 + 59, "3d 0h00m59s")]
)
def test_uptime(seconds: int, words: str) -> None:
    assert shown(registry(), replace(PROCESS, uptime_s=seconds))["Uptime"] == words


def test_it_counts_what_is_live() -> None:
    made = registry()
    front, back = made.frontends["front"], made.backends["back"]
    first = made.sessions.open(front, back, 1.0)
    made.sessions.open(front, back, 1.0)
    made.sessions.close(first)
    front.counters.requests = 9
    next(iter(made.sessions.live)).bytes_out = 100
    info = shown(made)
    assert (info["CurrConns"], info["CumConns"], info["CumReq"], info["MaxConnRate"]) == ("1", "2", "9", "2")
    assert info["TotalBytesOut"] == "100"


def test_without_frontends() -> None:
    made = registry()
    made.frontends.clear()
    assert shown(made)["MaxConnRate"] == "0"


def test_names_are_unique() -> None:
    assert len({field.name for field in FIELDS}) == len(FIELDS)


def test_forms() -> None:
    """That they are HAProxy's is tests/conformance/test_runtime_api.py's business."""
    made = registry()
    typed = text(made, PROCESS, form="typed").splitlines()
    assert (typed[0], typed[8]) == ("0.Name.1:POS:str:HAProxy", "8.Uptime_sec.1:MDP:u32:5")
    described = text(made, PROCESS, form="typed", described=True, exact=True).splitlines()
    assert described[8].startswith('8.Uptime_sec.1:MDP:flt:5.25:"How long')
    items = json.loads(text(made, PROCESS, form="json"))
    assert len(items) == len(typed)
    assert items[0]["value"] == {"type": "str", "value": "HAProxy"}
    assert text(made, PROCESS, described=True).startswith('Name: HAProxy:"Product name"\n')
