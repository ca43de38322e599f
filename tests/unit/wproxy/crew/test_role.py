from __future__ import annotations

from wproxy.config.loader import parse
from wproxy.config.model import Config
from wproxy.crew.role import ALONE, Duty, Role, pinned_frontends
from wproxy.state.following import Share

CONFIGURATION = """
defaults
    mode redis
frontend plain
    bind 127.0.0.1:1
    default_backend turns
frontend k1
    bind 127.0.0.1:2
    default_backend keys1
frontend k2
    bind 127.0.0.1:3
    default_backend keys2
frontend k1again
    bind 127.0.0.1:4
    default_backend keys1
frontend cache
    bind 127.0.0.1:5
    default_backend ejecting
backend turns
    balance roundrobin
    server a 127.0.0.1:9
backend keys1
    balance key
    server a 127.0.0.1:9
backend keys2
    balance key
    server a 127.0.0.1:9
backend ejecting
    balance key
    option redis-eject
    server a 127.0.0.1:9 check
"""


def config() -> Config:
    return parse(CONFIGURATION, "cfg", {})


def worker(number: int, of: int = 2) -> Role:
    return Role(Duty.WORKER, number, of)


def test_frontends_of_moving_keys_have_one_worker_each_and_those_of_one_backend_the_same() -> None:
    assert pinned_frontends(config(), 2) == {"k1": 1, "k1again": 1, "k2": 2}
    assert pinned_frontends(config(), 1) == {"k1": 1, "k1again": 1, "k2": 1}


def test_all_others_are_served_by_every_worker() -> None:
    assert worker(1).serves(config()) == {"plain", "cache", "k1", "k1again"}
    assert worker(2).serves(config()) == {"plain", "cache", "k2"}
    assert worker(2).reaches(config()) == {"turns", "ejecting", "keys2"}


def test_the_supervisor_serves_nobody_and_one_process_everybody() -> None:
    assert Role(Duty.SUPERVISOR, 0, 2).serves(config()) == frozenset()
    assert Role(Duty.SUPERVISOR, 0, 2).reaches(config()) == frozenset()
    assert len(ALONE.serves(config())) == 5
    assert len(ALONE.reaches(config())) == 4
    assert ALONE.owns


def test_a_frontend_of_its_own_has_its_whole_maxconn() -> None:
    assert worker(2).share(config(), "k2") == Share()
    assert worker(2).share(config(), "plain") == Share(1, 2)
    assert worker(1).share(config(), "") == Share(0, 2)
