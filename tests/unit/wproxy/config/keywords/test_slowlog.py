from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows
from wproxy.config.drafts import ProxyDraft
from wproxy.config.grammar import Grammar, Report
from wproxy.config.keywords.slowlog import SLOWLOG, slowlog
from wproxy.config.loader import parse
from wproxy.config.model import RedisSlowLog
from wproxy.config.reader import Reader

LISTEN = "listen l\n bind :1\n mode redis\n server s 1.2.3.4:1\n "


def problems(line: str) -> list[str]:
    report = Report()
    Reader({}, report).read(LISTEN + line + "\n", "a.cfg")
    return [problem.message for problem in report.problems]


def test_every_row_is_sound() -> None:
    rows: Grammar[ProxyDraft] = Grammar(SLOWLOG)
    check_rows(rows, {field.name for field in dataclasses.fields(ProxyDraft)})


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", RedisSlowLog()),
        ("redis-slowlog 10", RedisSlowLog(10_000)),
        ("redis-slowlog 250us max-len 5", RedisSlowLog(250, 5)),
        ("redis-slowlog 0", RedisSlowLog(0)),
        ("redis-slowlog 2s\n redis-slowlog off", RedisSlowLog()),
    ],
)
def test_a_time_and_a_number(line: str, settings: RedisSlowLog) -> None:
    assert parse(LISTEN + line, "a.cfg", {}).backends[0].slowlog == settings


def test_defaults_are_inherited() -> None:
    config = parse("defaults\n redis-slowlog 5ms\n" + LISTEN, "a.cfg", {})
    assert config.backends[0].slowlog == RedisSlowLog(5_000)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "expects '<time>|off [max-len <number>]', for instance '10ms max-len 128'"),
        ("10ms 128", "expects '<time>|off [max-len <number>]', for instance '10ms max-len 128'"),
        ("10ms most 128", "expects '<time>|off [max-len <number>]', for instance '10ms max-len 128'"),
        ("10ms max-len 0", "'max-len' has to be >= 1, not 0"),
        ("soon", "expects a time such as 500ms, 5s, 2m, 1h or 1d (without a unit: milliseconds), not 'soon'"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problems(f"redis-slowlog {line}") == [f"'redis-slowlog' {problem}"]


def test_without_max_len_as_many_are_kept_as_before() -> None:
    assert slowlog(["1ms"], RedisSlowLog(None, 7)) == RedisSlowLog(1_000, 7)


def test_where_it_does_nothing_it_is_a_warning() -> None:
    line = "listen l\n bind :1\n mode tcp\n server s 1.2.3.4:1\n redis-slowlog 1ms\n"
    (warning,) = [each for each in parse(line, "a.cfg", {}).warnings if "slowlog" in each]
    assert warning.endswith(" : 'redis-slowlog' ignored: it is for 'mode redis'.")
    inherited = parse("defaults\n redis-slowlog 1ms\n" + line.partition(" redis-slowlog")[0], "a.cfg", {})
    assert not any("slowlog" in each for each in inherited.warnings)
