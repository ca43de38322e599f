"""ACLs, maps and the filters of stick tables in the Runtime API: the same answers on HAProxy and on wproxy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.proxies import Proxy, proxy
from tests.support.tcp_server import connect, listening_socket, port_of
from tests.support.waiting import wait_for

REST = """
global
    stats socket {folder}/user.sock level user
backend strings
    stick-table type string len 10 size 10k
    server s1 127.0.0.1:{up}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Proxy, Proxy]]:
    """Both programs with a table `main`, in which this host is on server s1, and one that nobody uses."""
    with ExitStack() as stack:
        up = port_of(stack.enter_context(listening_socket()))
        made = []
        for program in ("haproxy", "wproxy"):
            folder = tmp_path_factory.mktemp(program)
            lines = "stick-table type ip size 100 expire 1h", "stick on src", f"server s1 127.0.0.1:{up}"
            each = stack.enter_context(proxy(program, folder, *lines, rest=REST.format(folder=folder, up=up)))
            stack.enter_context(connect(each.port))
            wait_for(lambda each=each: "used:1" in each.stats.ask("show table main"), what="an entry")  # type: ignore[misc]
            made.append(each)
        yield made[0], made[1]


def answers(pair: tuple[Proxy, Proxy], command: str, level: str = "") -> tuple[str, ...]:
    """Return both answers without addresses in memory, and times."""
    made = (each.stats if not level else type(each.stats)(each.folder / f"{level}.sock") for each in pair)
    return tuple(re.sub(r"0x[0-9a-f]+|exp=\d+", "N", stats.ask(command)) for stats in made)


UNKNOWN = """\
show acl x;show acl x y;show acl @1 #9;show acl @1;show map;show map x;show map #99;show map @1;show map x y
get acl;get acl x;get acl x y;get acl @1 x y;get map;get map x;get map x y
add acl;add acl x;add acl x y;add acl @1 x y;add map;add map x;add map x y;add map x y z;add map @1 x y z
del acl;del acl x;del acl x y;del acl @1 x y;del map;del map x;del map x y
clear acl;clear acl x;clear acl x y;clear acl @1 x;clear map;clear map x
prepare acl;prepare acl x;prepare map;prepare map x
commit acl;commit acl x;commit acl @1;commit acl @1 x;commit map;commit map x;commit map @1;commit map @1 x
set map;set map x;set map x y;set map x y z;show stat domain nope
""".replace("\n", ";").strip(";")


@pytest.mark.parametrize("level", ["", "user"])
@pytest.mark.parametrize("command", UNKNOWN.split(";"))
def test_there_is_none_of_that_name(pair: tuple[Proxy, Proxy], command: str, level: str) -> None:
    haproxys, ours = answers(pair, command, level)
    assert ours == haproxys


FILTERS = """\
show table;show table nope;show table strings;show table main;show table main foo
show table main key 127.0.0.1;show table main key 10.9.9.9;show table main key
show table main data.foo gt 0;show table main data.;show table main data.gpc0;show table main data.conn_cnt gt 0
show table main data.server_id;show table main data.server_id eq;show table main data.server_id xx 1
show table main data.server_id eq a;show table main data.server_id eq 1x
show table main data.server_id eq 1;show table main data.server_id ne 1;show table main data.server_id gt 0
show table main data.server_id ge 1;show table main data.server_id lt 1;show table main data.server_id le 1
show table main data.server_id eq 1 data.server_id lt 5;show table main data.server_id eq 1 data.server_id gt 5
show table main data.server_id eq 1 data.gpc0 eq 1
show table strings data.server_id eq 1;clear table main data.foo eq 1;clear table main data.gpc0 eq 1
clear table main data.server_id ne 1;show table main;clear table main data.server_id eq 1;show table main
""".replace("\n", ";").strip(";")


def test_filters_of_tables(pair: tuple[Proxy, Proxy]) -> None:
    """In this order, so that each finds what those before have left.

    A filter that ends in a word of another kind is left out: HAProxy answers now this, now that.
    """
    for command in FILTERS.split(";"):
        haproxys, ours = answers(pair, command)
        assert ours == haproxys, command
