from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.wproxy.config.acl.asking import facts
from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.keywords.page import PAGE
from wproxy.config.loader import parse
from wproxy.config.model import StatsPage
from wproxy.errors import ConfigError

HEAD = "listen stats\n bind :8404\n mode http\n timeout client 1s\n"


def page(lines: str, head: str = HEAD) -> StatsPage | None:
    return parse(head + lines, "a.cfg", {}).frontends[0].page


def test_every_row_acts() -> None:
    assert all(row.action is not None for row in PAGE)


def test_the_lines_of_published_guides() -> None:
    made = page(
        " option httplog\n option forwardfor\n option http-server-close\n stats enable\n stats hide-version\n"
        " stats uri /stats\n stats realm Haproxy\\ Statistics\n stats auth admin:secret\n stats auth ops:a:b\n"
        " stats refresh 30\n stats admin if TRUE\n stats show-legends\n stats scope .\n stats scope app\n"
    )
    assert made is not None
    assert len(made.admin) == 1
    assert replace(made, admin=()) == StatsPage(
        "/stats",
        "Haproxy Statistics",
        (("admin", "secret"), ("ops", "a:b")),
        30,
        True,
        frozenset({"stats", "app"}),
        legends=True,
    )


def test_any_line_enables_the_page_with_defaults() -> None:
    assert page(" stats hide-version\n") == StatsPage("/haproxy?stats", "HAProxy Statistics", (), 0, True)
    assert page(" stats refresh 1m\n") == StatsPage("/haproxy?stats", "HAProxy Statistics", (), 60)


def test_what_a_page_shows_besides() -> None:
    made = page(" stats show-node\n stats show-desc\n stats show-modules\n")
    assert made is not None
    assert (made.node, made.description, made.modules, made.legends) == ("", "", True, False)
    made = page(" stats show-node rack-1_a.b\n stats show-desc Master node for  Europe, Asia\n stats show-legends\n")
    assert made is not None
    assert (made.node, made.description) == ("rack-1_a.b", "Master node for Europe, Asia")


def test_the_description_of_a_proxy() -> None:
    made = parse(f"{HEAD} stats uri /\n description what  it\\ is\n", "a.cfg", {})
    assert made.frontends[0].description == "what it is"
    assert problem_of(f"{HEAD} stats uri /\n description\n") == "'description' expects a text"


@pytest.mark.parametrize("name", ["a/b", "a:b", "<b>"])
def test_a_node_is_a_name(name: str) -> None:
    assert "expects a name" in problem_of(f"{HEAD} stats show-node {name}\n")


def test_a_page_of_defaults_is_left_behind_by_the_first_own_line() -> None:
    head = "defaults\n mode http\n stats uri /x\n stats auth a:b\n"
    assert page("", head + "listen l\n bind :1\n") == StatsPage("/x", "HAProxy Statistics", (("a", "b"),))
    assert page(" stats enable\n", head + "listen l\n bind :1\n") == StatsPage("/haproxy?stats", "HAProxy Statistics")


def test_a_secret_is_shown_nowhere() -> None:
    config = parse(HEAD + " stats auth admin:hunter2\n", "a.cfg", {})
    assert "hunter2" not in repr(config)
    for line in ("stats auth hunter2", "stats auth a:b hunter2", "stats auth :hunter2", "stat auth a:hunter2"):
        with pytest.raises(ConfigError) as caught:
            parse(f"{HEAD} {line}\n", "a.cfg", {})
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("stats auth admin", "'stats auth' expects user:password, one word"),
        ("stats uri", "'stats uri' expects the beginning of the page's address"),
        ("stats uri '/a b'", "'stats uri' cannot hold spaces or control characters"),
        ("stats realm 'a' b", "'stats realm' cannot handle unexpected argument 'b'"),
        ('stats realm "a\\nb"', "'stats realm' cannot hold control characters"),
        (
            "stats refresh x",
            "'stats refresh' expects a time such as 500ms, 5s, 2m, 1h or 1d (without a unit: milliseconds), not 'x'",
        ),
        ("stats scope", "'stats scope' expects a proxy's name, or '.' for this one"),
        (
            "stats enable\n stats enabel",
            "unknown keyword 'stats enabel' in 'listen' section; did you mean 'stats enable'?",
        ),
        (
            "stats enable\n stats http-request deny",
            "listen 'stats' : 'stats http-request' is not supported yet: protect the statistics page by 'stats auth' "
            "or by 'http-request deny'",
        ),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"{HEAD} {line}") == problem


def test_a_page_needs_mode_http() -> None:
    config = parse("listen l\n bind :1\n timeout client 1s\n stats enable\n", "a.cfg", {})
    assert config.frontends[0].page is None
    assert config.warnings == ("[a.cfg:4] : listen 'l' : 'stats' lines ignored, they need 'mode http'.",)


def test_who_may_change_servers() -> None:
    made = page(" acl me src 10.0.0.1\n stats admin if me\n stats admin unless { src 10.0.0.0/8 }\n stats enable\n")
    assert made is not None
    assert [condition(facts("10.0.0.1")) for condition in made.admin] == [True, False]
    assert [condition(facts("10.0.0.2")) for condition in made.admin] == [False, False]
    assert [condition(facts("9.0.0.1")) for condition in made.admin] == [False, True]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("stats admin", "'stats admin' expects 'if' or 'unless' and a condition"),
        ("stats admin TRUE", "'stats admin' expects 'if' or 'unless' and a condition"),
        ("stats admin if", "'stats admin' expects a condition after 'if'"),
        ("stats admin if nope", "'stats admin' no such ACL: 'nope'"),
    ],
)
def test_conditions_that_are_none(line: str, problem: str) -> None:
    assert problem_of(f"{HEAD} {line}\n") == problem
