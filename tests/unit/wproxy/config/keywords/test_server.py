from __future__ import annotations

import dataclasses

import pytest

from tests.unit.wproxy.config.keywords.rows import check_rows, problem_of
from wproxy.config.drafts import ServerDraft
from wproxy.config.keywords.server import PARAMETERS
from wproxy.config.loader import parse
from wproxy.config.model import Address, CheckSettings, ServerLine
from wproxy.errors import ConfigError


def servers(text: str) -> tuple[ServerLine, ...]:
    return parse(f"backend b\n{text}", "a.cfg", {}).backends[0].servers


def test_every_row_is_sound() -> None:
    check_rows(PARAMETERS, {field.name for field in dataclasses.fields(ServerDraft)})


def test_default_server_holds_for_the_lines_after_it() -> None:
    first, second, third = servers(
        " server a h:1\n default-server weight 5 check rise 9 disabled\n"
        " server b h:2\n server c h:3 weight 6 no-check enabled\n"
    )
    assert (first.weight, first.check, first.disabled) == (1, None, False)
    assert (second.weight, second.check, second.disabled) == (5, CheckSettings(rise=9), True)
    assert (third.weight, third.check, third.disabled) == (6, None, False)


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        ("maxconn 9 minconn 3", (9, 3)),
        ("minconn 3", (3, 0)),
        ("minconn 9 maxconn 3", (9, 0)),
        ("minconn 3 maxconn 3", (3, 0)),
        ("minconn 0 maxconn 3", (3, 0)),
        ("minconn 0", (None, 0)),
    ],
)
def test_a_minconn_that_is_no_less_than_maxconn_is_that(words: str, limits: tuple[int | None, int]) -> None:
    (line,) = servers(f" server a h:1 {words}")
    assert (line.maxconn, line.minconn) == limits


def test_the_header_that_a_server_gets() -> None:
    first, second, third, fourth = servers(
        " server a h:1 send-proxy check-send-proxy\n default-server send-proxy-v2\n"
        " server b h:2\n server c h:3 no-send-proxy\n server d h:4 no-send-proxy-v2 send-proxy\n"
    )
    assert [line.send_proxy for line in (first, second, third, fourth)] == [1, 2, None, 1]
    assert (first.check_send_proxy, second.check_send_proxy) == (True, False)


def test_the_header_is_not_for_mode_redis() -> None:
    problem = "backend 'b', server 'a' : 'send-proxy' is not for 'mode redis'"
    assert problem_of("backend b\n mode redis\n server a h:1 send-proxy") == problem


def test_all_faults_of_a_line_are_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        servers(" server a h:0 weight 300 proto h2\n")
    assert len(caught.value.problems) == 3


def test_a_template_makes_servers_that_are_alike() -> None:
    made = servers(" default-server weight 7\n server-template w 2 h:1 check maxconn 3\n server-template x 0-2 h:2\n")
    assert [line.name for line in made] == ["w1", "w2", "x0", "x1", "x2"]
    assert made[0] == dataclasses.replace(made[1], name="w1")
    assert (made[1].weight, made[1].maxconn, made[1].check) == (7, 3, CheckSettings())
    assert made[4] == dataclasses.replace(made[2], name="x2")


def test_names_of_a_template_are_names_like_others() -> None:
    problem = problem_of("backend b\n server a2 h:1\n server-template a 2 h:1")
    assert "another server named 'a2' was already defined at line" in problem


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "server-template a 1",
            "'server-template' expects a prefix, a number or a range such as 1-3, and address:port",
        ),
        *(
            (
                f"server-template a {text} h:1",
                f"'server-template' expects a number above 0 or a range such as 1-3, not '{text}'",
            )
            for text in ("0", "3-1", "x", "1-x", "1-3-", "-1-3")
        ),
        ("server-template a 0-65536 h:1", "'server-template' makes no more than 65536 servers, not 65537"),
        (
            "server-template a/ 2 h:1",
            "'server-template' has a name with a character other than letters, digits and '-_.:': 'a/'",
        ),
        ("server-template a 2 h:1 wieght 3", "'server-template a' : unknown keyword 'wieght'; did you mean 'weight'?"),
        ("server a", "'server' expects a name and address:port"),
        ("server a/b h:1", "'server' has a name with a character other than letters, digits and '-_.:': 'a/b'"),
        ("server a h", "'server' needs a fixed port in wproxy: write address:port instead of 'h'"),
        ("server a h:1 weight 257", "'server a' : 'weight' is not within 0 and 256 (257)"),
        ("server a h:1 rise 0", "'server a' : 'rise' has to be > 0, not 0"),
        ("server a h:1 proto h2", "'server a' : HAProxy's keyword 'proto' is not supported by wproxy"),
        ("server a h:1 wieght 3", "'server a' : unknown keyword 'wieght'; did you mean 'weight'?"),
        ("default-server wieght 3", "'default-server' : unknown keyword 'wieght'; did you mean 'weight'?"),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"backend b\n {line}") == problem


def test_where_connections_come_from() -> None:
    first, second, third = servers(
        " source 127.0.0.9:7\n server a h:1\n server b h:1 source 127.0.0.8\n server c h:1 source 0.0.0.0\n"
    )
    assert [line.source for line in (first, second, third)] == [
        Address("127.0.0.9", 7), Address("127.0.0.8"), Address("0.0.0.0")
    ]  # fmt: skip
    problem = "'source' has HAProxy's 'usesrc', which is not supported by wproxy: it takes <addr>[:<port>]"
    assert problem_of("backend b\n source 127.0.0.1 usesrc clientip") == problem
