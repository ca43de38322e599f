from __future__ import annotations

from wproxy.config.checks import AgentSettings, HealthCheck, Kind


def test_nothing_is_a_connection() -> None:
    assert HealthCheck() == HealthCheck(Kind.CONNECT, (), log_changes=False, disable_on_404=False)
    assert AgentSettings(1) == AgentSettings(1, None, 2.0, b"")
