from __future__ import annotations

from math import inf

import pytest

from wproxy.config.model import Timeouts
from wproxy.dataplane.idle import Idle


@pytest.mark.parametrize(
    ("frontend", "backend", "expected"),
    [
        (Timeouts(), Timeouts(), Idle(inf, inf, inf, inf)),
        (Timeouts(client_s=1), Timeouts(server_s=2), Idle(1, 2, 1, 2)),
        (Timeouts(client_s=1, client_fin_s=3), Timeouts(server_s=2, server_fin_s=4), Idle(1, 2, 3, 4)),
        (Timeouts(client_s=1, client_fin_s=3), Timeouts(server_s=2, tunnel_s=9), Idle(9, 9, 3, 9)),
    ],
)
def test_which_timeout_counts(frontend: Timeouts, backend: Timeouts, expected: Idle) -> None:
    idle = Idle.of(frontend, backend)
    assert idle == expected
    assert idle.fin == ((idle.client_s, idle.server_s) != (idle.client_fin_s, idle.server_fin_s))
