"""mode redis, balance key under `nbthread 2`: the same live tests, while weights change."""

from __future__ import annotations

import pytest

from tests.integration.test_redis_epoch_sessions import *  # noqa: F403
from tests.integration.test_redis_epochs import *  # noqa: F403
from tests.support import proxies


@pytest.fixture(autouse=True)
def two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    text = proxies.CONFIGURATION.replace("global\n", "global\n    nbthread 2\n", 1)
    monkeypatch.setattr(proxies, "CONFIGURATION", text)
