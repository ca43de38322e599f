from __future__ import annotations

import pytest

from tests.unit.wproxy.config.keywords.rows import problem_of
from wproxy.config.loader import parse
from wproxy.config.model import StickKind, StickTable
from wproxy.config.table_data import DATA, Stored

TABLE = "backend b\n stick-table type ip size 10k\n"


def test_tables() -> None:
    config = parse(
        "backend a\n stick-table type string len 9 size 1m expire 30s nopurge srvkey name store server_id\n"
        "listen l\n stick-table size 5 type ipv6\nbackend c\n stick-table type ip size 1\n disabled\n",
        "a.cfg",
        {},
    )
    assert config.tables == (
        StickTable("a", StickKind.STRING, 1 << 20, 30.0, nopurge=True, length=9, stored=(Stored(DATA["server_id"]),)),
        StickTable("l", StickKind.IPV6, 5),
    )


def test_what_is_stored_stands_in_one_order() -> None:
    lines = "backend b\n stick-table type ip size 1 store http_req_rate(10s),gpc0 store conn_rate(500)\n stick on src\n"
    [table] = parse(lines, "a.cfg", {}).tables
    shown = ["server_id", "gpc0", "conn_rate(500)", "http_req_rate(10000)", "server_key"]
    assert [stored.text for stored in table.stored] == shown


def test_rules() -> None:
    lines = " stick on src\n stick match dst table b if TRUE\n stick store-request src_port\n option persist\n"
    [backend] = parse(TABLE + lines, "a.cfg", {}).backends
    assert [(rule.table, rule.condition is None, rule.matches, rule.stores) for rule in backend.stick_rules] == [
        ("b", True, True, True),
        ("b", False, True, False),
        ("b", True, False, True),
    ]
    assert backend.persist
    assert not parse(TABLE + " option persist\n no option persist\n", "a.cfg", {}).backends[0].persist


def test_rules_of_responses() -> None:
    text = TABLE.replace("\n", "\n mode http\n", 1) + " stick store-response dst_port\n stick on src\n"
    [backend] = parse(text, "a.cfg", {}).backends
    assert [(rule.of_response, rule.matches, rule.stores) for rule in backend.stick_rules] == [
        (True, False, True),
        (False, True, True),
    ]


def test_servers_that_nobody_sticks_to() -> None:
    lines = " server a h:1 non-stick\n default-server non-stick\n server b h:1\n server c h:1 stick\n"
    [backend] = parse(TABLE + lines, "a.cfg", {}).backends
    assert [server.non_stick for server in backend.servers] == [True, True, False]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("stick-table size 5", "'stick-table' misses its type: ip, ipv6, integer or string"),
        ("stick-table type ip", "'stick-table' misses its size, above 0"),
        ("stick-table type", "'stick-table' expects a type: ip, ipv6, integer or string"),
        ("stick-table type foo", "'stick-table' knows the types 'ip', 'ipv6', 'integer', 'string', not 'foo'"),
        ("stick-table type ip len 3", "'stick-table' takes 'len' after 'type string' only"),
        ("stick-table type ip expires 3", "'stick-table' knows no argument 'expires'; did you mean 'expire'?"),
        ("stick-table type ip size 5 srvkey addr", "'stick-table' knows servers by name only, not by 'addr'"),
        ("stick-table type ip peers x", "'stick-table' cannot use 'peers': wproxy does not replicate tables yet"),
        ("stick-table type ip store conn", "'stick-table' knows no data type 'conn'; did you mean 'conn_cur'?"),
        ("stick-table type ip store conn_cur(5)", "'stick-table' takes no argument for 'conn_cur'"),
        ("stick-table type ip store conn_rate", "'stick-table' expects a period for 'conn_rate', as in conn_rate(10s)"),
        ("stick-table type ip store conn_rate(0)", "'stick-table' expects a time above 0, not '0'"),
        (
            "stick-table type ip store gpc0,gpc(3)",
            "'stick-table' cannot store 'gpc(3)': arrays are not supported by wproxy, write gpc0 instead",
        ),
        (
            "stick-table type ip size 5\n stick-table type ip size 5",
            "'stick-table' is declared already, at line 2: one table a section",
        ),
        ("stick on", "'stick on' expects a fetch such as src"),
        (
            "stick on src",
            "'stick on src' uses the stick-table of 'b', which has none; write 'stick-table type ip size 100k' in 'b'",
        ),
        ("stick on src table", "'stick on src' expects a table's name after 'table'"),
        (
            "stick on always_true",
            "'stick on always_true' cannot tell clients apart by 'always_true', which is a boolean",
        ),
        (
            "mode redis\n stick-table type ip size 5\n stick on src",
            "backend 'b' : 'stick' is not for 'mode redis'",
        ),
    ],
)
def test_problems(line: str, problem: str) -> None:
    assert problem_of(f"backend b\n {line}") == problem
