from __future__ import annotations

from tests.unit.wproxy.observe.page.site import proxy, registry, row
from wproxy.observe.history import History
from wproxy.observe.page import details
from wproxy.observe.page.rows import Wanted
from wproxy.policy.checks.verdict import CheckResult, CheckStatus
from wproxy.state.commands import CommandCounters


def test_what_there_has_been() -> None:
    live = registry()
    live.backends["back"].by_name["a"].counters.sessions = 1234
    assert ("Sessions", "1\u202f234") in details.counts(row(live, "a"))
    assert ("Denied connections", "0") in details.counts(proxy(live, "front").rows[0])


def test_rates_times_and_aborts() -> None:
    live = registry()
    front = proxy(live, "front").rows[0]
    assert details.rates(front, "_max")[0] == ("Connections", "0/s")
    assert details.times(front) == []
    assert details.times(row(live, "a"))[0] == ("Queue", "0 / 0 ms")
    assert details.aborts(row(live, "a"))[0] == ("Broken off by clients", "0")
    assert details.aborts(front) == []


def test_what_a_check_said() -> None:
    live = registry()
    live.backends["back"].by_name["a"].last_check = CheckResult(CheckStatus.L4CON, info="refused")
    facts = dict(details.check(row(live, "a")))
    assert facts["Check"] == "L4CON: Layer4 connection problem"
    assert facts["Check said"] == "refused"
    assert details.check(row(live, "b")) == []


def test_a_tip_has_a_line_for_each_fact() -> None:
    assert details.tip([("a", "1"), ("b", "2")]) == "a: 1\nb: 2"


def test_the_block_tells_the_last_changes_and_nothing_of_it_is_markup() -> None:
    live = registry()
    past = History(live)
    past.note("back", "a", 0.0, "Server back/a is DOWN, reason: <b>.")
    text = details.block(row(live, "a"), past, legends=False, modules=False)
    assert "is DOWN, reason: &lt;b&gt;.</li>" in text
    assert "Identity" not in text
    assert "No change since the start." in details.block(row(live, "b"), past, legends=False, modules=False)


def test_legends_and_modules_tell_more() -> None:
    live = registry()
    live.backends["back"].by_name["a"].counters.commands["GET"] = CommandCounters(3, 1)
    server = proxy(live, wanted=Wanted(legends=True)).rows[0]
    text = details.block(server, History(live), legends=True, modules=True)
    assert "<dt>Address</dt><dd>127.0.0.1:1</dd>" in text
    assert "<dt>GET</dt><dd>3 calls, 1 errors, 0 µs</dd>" in text
    assert "GET" not in details.block(server, History(live), legends=True, modules=False)
