from __future__ import annotations

import pytest

from wproxy.config.loader import parse
from wproxy.errors import ConfigError

LINES = " cookie S insert\n option forwardfor\n option originalto\n"


def test_what_has_no_effect_in_another_mode() -> None:
    config = parse("backend b\n mode tcp\n" + LINES, "a.cfg", {})
    assert config.warnings == (
        "[a.cfg:3] : cookie will be ignored for backend 'b' (needs 'mode http').",
        "[a.cfg:4] : 'option forwardfor' ignored for backend 'b' as it requires HTTP mode.",
        "[a.cfg:5] : 'option originalto' ignored for backend 'b' as it requires HTTP mode.",
    )


def test_in_mode_http_all_is_well() -> None:
    assert parse("backend b\n mode http\n" + LINES, "a.cfg", {}).warnings == ()


@pytest.mark.parametrize(
    ("mode", "line", "problem"),
    [
        ("tcp", "use-server bb if TRUE", "unable to find server 'bb' of a 'use-server' rule; did you mean 'b'?"),
        ("http", "use-server x unless FALSE", "unable to find server 'x' of a 'use-server' rule"),
        ("redis", "use-server b if TRUE", "'use-server' is not for 'mode redis'"),
    ],
)
def test_a_server_that_cannot_be_used(mode: str, line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"backend f\n mode {mode}\n server b h:1\n {line}\n", "a.cfg", {})
    assert [each.message for each in caught.value.problems] == [f"backend 'f' : {problem}"]


def test_servers_by_rules() -> None:
    lines = " mode http\n use-server b if TRUE\n use-server s%[hdr(x)] unless FALSE\n server b h:1\n"
    first, second = parse(f"backend f\n{lines}", "a.cfg", {}).backends[0].server_rules
    assert (first.server, first.compute) == ("b", None)
    assert second.compute is not None
