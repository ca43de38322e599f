from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows
from wproxy.config.drafts import ProxyDraft, ServerDraft
from wproxy.config.grammar import Grammar, Report
from wproxy.config.keywords.login import LOGIN, LOGIN_PARAMETERS
from wproxy.config.loader import parse
from wproxy.config.login import Login
from wproxy.config.reader import Reader

LISTEN = 'listen l\n bind :1\n mode redis\n redis-user app\n redis-password "${P}"\n server s 1.2.3.4:1 '


def problems(text: str) -> list[str]:
    report = Report()
    Reader({"P": "hunter2"}, report).read(text, "a.cfg")
    return [problem.message for problem in report.problems]


def test_every_row_is_sound() -> None:
    proxies: Grammar[ProxyDraft] = Grammar(LOGIN)
    servers: Grammar[ServerDraft] = Grammar(LOGIN_PARAMETERS)
    check_rows(proxies, {field.name for field in dataclasses.fields(ProxyDraft)})
    check_rows(servers, {field.name for field in dataclasses.fields(ServerDraft)})


def test_clients_and_servers_have_logins_of_their_own() -> None:
    config = parse(LISTEN + 'redis-password "${Q}"\n', "a.cfg", {"P": "hunter2", "Q": "two words"})
    assert config.frontends[0].login == Login("app", "hunter2")
    assert config.backends[0].servers[0].login == Login("default", "two words")
    assert "hunter2" not in repr(config)
    assert "two words" not in repr(config)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('redis-password "${P}" more', "'redis-password' expects one word: quote a password with spaces"),
        ("redis-password", "'redis-password' expects a password, and got none (environment variable missing?)"),
        (
            'redis-password "${UNSET}"',
            "'redis-password' expects a password, and got none (environment variable missing?)",
        ),
        ("redis-password ${P}", "'redis-password' reads variables inside double quotes only: write \"${NAME}\""),
        ("redis-user", "'redis-user' expects a user's name"),
        ("redis-user 'a b'", "'redis-user' expects a user's name, without spaces"),
        ("server s 1.2.3.4:1 redis-password", "'server s' : 'redis-password' expects a password"),
        (
            'server s 1.2.3.4:1 redis-password "" check',
            "'server s' : 'redis-password' expects a password, and got none (environment variable missing?)",
        ),
    ],
)
def test_problems_do_not_tell_the_password(line: str, problem: str) -> None:
    assert problems(f"listen l\n bind :1\n mode redis\n {line}\n") == [problem]


def test_a_backend_has_no_clients() -> None:
    (problem,) = problems('backend b\n mode redis\n redis-password "${P}"\n')
    assert "redis-password" in problem
    assert "hunter2" not in problem
