from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse
from wproxy.config.model import KeepAlive


def sides(text: str) -> tuple[KeepAlive, KeepAlive]:
    config = parse(text, "a.cfg", {})
    return config.frontends[0].keepalive, config.backends[0].keepalive


@pytest.mark.parametrize(
    ("lines", "client", "server"),
    [
        ("", False, False),
        (" option tcpka\n", True, True),
        (" option clitcpka\n", True, False),
        (" option srvtcpka\n", False, True),
        (" option tcpka\n no option srvtcpka\n", True, False),
    ],
)
def test_sides(lines: str, client: bool, server: bool) -> None:
    assert sides(f"listen a\n bind :1\n{lines}") == (KeepAlive(client), KeepAlive(server))
    assert sides(f"defaults\n{lines}listen a\n bind :1\n") == (KeepAlive(client), KeepAlive(server))


def test_how_to_probe() -> None:
    lines = " clitcpka-idle 30\n clitcpka-intvl 5000ms\n clitcpka-cnt 3\n srvtcpka-idle 2m\n option srvtcpka\n"
    client, server = sides(f"defaults\n{lines}listen a\n bind :1\n")
    assert client == KeepAlive(False, 30, 5, 3)
    assert server == KeepAlive(True, 120)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("clitcpka-idle", "expects a time such as 30s"),
        ("clitcpka-idle soon", "expects a time such as 30s or 2m (without a unit: seconds), not 'soon'"),
        ("clitcpka-idle 10h", "cannot be more than 32767, not 36000"),
        ("srvtcpka-intvl 10ms", "has to be >= 1, not 0"),
        ("srvtcpka-cnt 200", "cannot be more than 127, not 200"),
    ],
)
def test_what_the_kernel_does_not_take(line: str, message: str) -> None:
    assert message in problem_of(f"listen a\n bind :1\n {line}\n")
