"""Two proxies under the real keepalived: the address is where a proxy works, whatever fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pair import SYNC_PORT, Node, Pair, pair
from tests.support.stats import Stats
from tests.support.waiting import wait_for

LONGEST_S = 20.0  # far more than it takes; how long it took is printed


def silence(pair: Pair, what: str, do: Callable[[], None], then: str) -> None:
    """Do something, wait for the node that serves then, print how long clients saw nothing."""
    before = pair.probes.count()
    do()
    pair.served_by(then)
    silent_s = pair.probes.silence_s(before)
    print(f"{what}: {silent_s:.2f} s without an answer")
    assert silent_s < LONGEST_S


@pytest.mark.long
def test_the_address_leaves_a_proxy_that_is_killed_and_a_node_that_is_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pair(tmp_path) as both, capsys.disabled():
        print()
        silence(both, "multicast, proxy killed", both.a.kill_proxy, "b")
        silence(both, "multicast, proxy back", both.a.start_proxy, "a")
        silence(both, "multicast, node cut off", both.a.cut_off, "b")
        silence(both, "multicast, node back", both.a.plug_in, "a")


def test_without_preemption_the_address_stays_and_who_comes_back_takes_over_the_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--nopreempt", "--sync-port", str(SYNC_PORT))
    with pair(tmp_path, *options, unicast=True) as both, capsys.disabled():
        print()
        silence(both, "unicast, proxy killed", both.a.kill_proxy, "b")
        taken_over = both.probes.count()
        assert Stats(both.b.socket).ask("set weight work/s1 77").strip() == ""
        state = both.a.folder / f"{both.a.name}.state"
        assert not state.exists() or "77" not in state.read_text()  # nobody has told it
        both.a.start_proxy()
        wait_for(lambda: weight_of_s1(both.a) == 77, 40.0, "the weight that was set meanwhile")
        both.served_by("b")
        assert "a" not in {who for _, who in both.probes.answers()[taken_over:]}
        silence(both, "unicast, the other killed", both.b.kill_proxy, "a")


def weight_of_s1(node: Node) -> int:
    return int(Stats(node.socket, "work").row("s1")["weight"])
