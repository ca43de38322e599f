"""What is known of no exchange."""

from __future__ import annotations

from tests.unit.wproxy.config.http.exchange import RESPONSE, Exchange, http_facts
from tests.unit.wproxy.state.parties import server
from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.moments import MOMENTS


def test_without_an_exchange_nothing_is_known() -> None:
    facts = http_facts()
    assert {name: MOMENTS[name](facts) for name in ("TR", "Tr", "Tw", "si", "ts", "tsc", "rc", "bc")} == {
        "TR": -1, "Tr": -1, "Tw": -1, "si": "", "ts": "--", "tsc": "----", "rc": 0, "bc": 0,
    }  # fmt: skip


def test_what_is_known_on_the_way_to_a_server() -> None:
    facts = http_facts()
    facts.exchange = Exchange(retries=2, server_queue=3, backend_queue=4)
    assert values(facts) == {
        "TR": -1, "Tq": -1, "Tw": -1, "Tc": -1, "Tr": -1, "Ti": 250,
        "si": "", "sp": "", "sc": 0, "rc": 2, "sq": 3, "bq": 4, "bc": 0,
    }  # fmt: skip


def test_what_is_known_of_an_answer() -> None:
    facts = http_facts(response=RESPONSE)
    facts.backend = facts.process.backends["back"]
    facts.backend.current = 5
    facts.exchange = Exchange(assigned_at=2.0, connected_at=3.0, responded_at=5.0, server=server())
    assert values(facts) == {
        "TR": 250, "Tq": 500, "Tw": 500, "Tc": 1000, "Tr": 2000, "Ti": 250,
        "si": "127.0.0.1", "sp": "1", "sc": 0, "rc": 0, "sq": 0, "bq": 0, "bc": 5,
    }  # fmt: skip


def values(facts: HttpFacts) -> dict[str, object]:
    names = ("TR", "Tq", "Tw", "Tc", "Tr", "Ti", "si", "sp", "sc", "rc", "sq", "bq", "bc")
    return {name: MOMENTS[name](facts) for name in names}
