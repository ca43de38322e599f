from __future__ import annotations

import pytest

from tests.unit.wproxy.config.test_validate import validated

REDIS = "listen l\n bind :1\n mode redis\n timeout client 1s\n timeout connect 1s\n timeout server 1s\n"
SERVER = " server s 1.2.3.4:1"


@pytest.mark.parametrize(
    "text",
    [
        REDIS + " redis-password x\n" + SERVER + " redis-user u redis-password x\n",
        REDIS.replace("redis", "tcp") + " option redis-check\n" + SERVER + " redis-password x\n",
        REDIS + " balance key\n option redis-eject\n" + SERVER + " check\n",
        "defaults\n redis-password x\nbackend b\n mode tcp\n",
    ],
)
def test_valid(text: str) -> None:
    assert validated(text) == ([], [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (REDIS + " redis-user u\n", "[a.cfg:1] : listen 'l' : 'redis-user' needs a 'redis-password'"),
        (
            "listen l\n bind :1\n redis-password hunter2\n",
            "[a.cfg:1] : listen 'l' : 'redis-password' is for 'mode redis' only: in 'mode tcp' clients would get in "
            "without it",
        ),
        (
            REDIS + SERVER + " redis-user u\n",
            "[a.cfg:7] : listen 'l', server 's' : 'redis-user' needs a 'redis-password'",
        ),
        (
            "backend b\n" + SERVER + " redis-password hunter2\n",
            "[a.cfg:2] : backend 'b', server 's' : 'redis-password' needs 'mode redis', or 'option redis-check' to be "
            "used by",
        ),
    ],
)
def test_problems(text: str, problem: str) -> None:
    assert validated(text)[0] == [problem]


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (REDIS + " option redis-eject\n", "'option redis-eject' ignored: it is for 'balance key'."),
        (
            REDIS + " balance key\n option redis-eject\n" + SERVER + "\n",
            "'option redis-eject' does nothing for server 's' without 'check': nobody finds out that it is down.",
        ),
    ],
)
def test_warnings(text: str, warning: str) -> None:
    assert [line.partition(" : ")[2] for line in validated(text)[1]] == [warning]
