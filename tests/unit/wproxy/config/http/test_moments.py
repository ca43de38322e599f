"""What is known of no exchange."""

from __future__ import annotations

from tests.unit.wproxy.config.http.exchange import http_facts
from wproxy.config.http.moments import MOMENTS


def test_without_an_exchange_nothing_is_known() -> None:
    facts = http_facts()
    assert {name: MOMENTS[name](facts) for name in ("TR", "Tr", "Tw", "si", "ts", "tsc", "rc", "bc")} == {
        "TR": -1, "Tr": -1, "Tw": -1, "si": "", "ts": "--", "tsc": "----", "rc": 0, "bc": 0,
    }  # fmt: skip
