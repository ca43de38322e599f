from __future__ import annotations

from wproxy.policy.balance.balancer import LoadBlind


def test_loads_do_not_concern_the_blind() -> None:
    LoadBlind().changed(3)
