from __future__ import annotations

from dataclasses import replace

from tests.unit.wproxy.state.parties import HERE, backend_config, frontend_config, line
from wproxy.config.model import Config, UseBackend
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


def test_full_load_is_a_tenth_of_the_clients_that_may_come() -> None:
    routes = (UseBackend("two", None, HERE), UseBackend("two", lambda facts: True, HERE))
    fronts = (
        replace(frontend_config("f1", 2, 100), default_backend="one"),
        replace(frontend_config("f2", 3, 205), default_backend="one", switching=routes),
        replace(frontend_config("f3", 4, 1000), default_backend="one", disabled=True),
        replace(frontend_config("f4", 5), default_backend="two"),
    )
    backs = [
        backend_config(line(), name=name, proxy_id=number) for number, name in enumerate(("one", "two", "three"), 6)
    ]
    backs.append(replace(backs[0], name="four", proxy_id=9, fullconn=77))
    registry = Registry(Config(frontends=fronts, backends=tuple(backs)), 500, 0.0)
    assert [backend.fullconn for backend in registry.backends.values()] == [31, 71, 1, 77]
