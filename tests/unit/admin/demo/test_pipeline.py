"""admin.demo.pipeline: the configuration that the demo's proxy gets."""

from __future__ import annotations

from pathlib import Path

from admin.demo.pipeline import configuration


def test_the_configuration_has_the_weights_and_the_stats_socket() -> None:
    text = configuration(Path("/d/admin.sock"), 7000, {"redisA": 7001, "redisB": 7002}, {"redisA": 30, "redisB": 70})
    assert "    stats socket /d/admin.sock mode 600 level admin\n" in text
    assert "    state-file none\n" in text  # weights of a demo that is over are nobody's
    assert "    bind 127.0.0.1:7000\n" in text
    assert text.endswith(
        "    server redisA 127.0.0.1:7001 weight 30 check\n    server redisB 127.0.0.1:7002 weight 70 check\n"
    )
