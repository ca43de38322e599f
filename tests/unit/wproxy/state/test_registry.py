from __future__ import annotations

from dataclasses import replace

from tests.unit.wproxy.state.parties import backend_config, frontend_config, line
from wproxy.config.model import Config
from wproxy.state.registry import Registry


def test_everything_that_is_not_disabled_lives() -> None:
    front, back = frontend_config("l", 2), backend_config(line("a"), line("b"), name="l", proxy_id=2)
    other = backend_config(line("c"), name="other", proxy_id=3)
    off = replace(other, name="off", proxy_id=4, disabled=True)
    disabled = replace(front, name="off", proxy_id=5, disabled=True)
    registry = Registry(Config(frontends=(front, disabled), backends=(back, other, off)), 9, 50.0)
    assert list(registry.frontends) == ["l"]
    assert list(registry.backends) == ["l", "other"]
    assert [str(server) for server in registry.servers()] == ["l/a", "l/b", "other/c"]
    assert [backend.in_listen for backend in registry.backends.values()] == [True, False]
    assert (registry.maxconn, registry.started_at, registry.sessions.total) == (9, 50.0, 0)
