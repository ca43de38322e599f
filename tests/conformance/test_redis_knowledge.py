"""The built-in table of commands is what a real redis-server 7.0 tells of itself."""

from __future__ import annotations

from pathlib import Path

from tests.support.programs import redis_server
from tests.support.resp import ask
from wproxy.policy.redis.builtin import ROWS
from wproxy.policy.redis.commands import parse_rows
from wproxy.policy.redis.knowledge import learn


def test_the_builtin_table_is_that_of_redis(tmp_path: Path) -> None:
    with redis_server(tmp_path) as port:
        told = learn(ask(port, "COMMAND"))
        version = str(ask(port, "INFO", "server"))
    builtin = parse_rows(ROWS)
    assert len(told) > 200
    assert {
        name: row for name, row in told.items() if builtin.get(name) != row
    } == {} or "redis_version:7.0" not in version
