from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest

from tests.unit.wproxy.state.parties import backend_config, frontend_config, line
from wproxy.config.model import Config
from wproxy.observe.statistics import BACKENDS, FRONTENDS, SERVERS, Filter, text
from wproxy.state.control import Control
from wproxy.state.registry import Registry


@pytest.fixture
def registry() -> Registry:
    """The sections `front` (2), `back` (3) with two servers, and `listen` (4) with one."""
    return Registry(
        Config(
            frontends=(frontend_config(), replace(frontend_config("listen", 4), default_backend="listen")),
            backends=(
                backend_config(line("a"), line("b")),
                backend_config(line("c"), name="listen", proxy_id=4),
            ),
        ),
        100,
        0.0,
    )


def names(registry: Registry, wanted: Filter) -> str:
    rows = csv.DictReader(text(registry, 1.0, wanted).splitlines())
    return " ".join(f"{row['# pxname']}/{row['svname']}" for row in rows)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (
            Filter(),
            "front/FRONTEND back/a back/b back/BACKEND listen/FRONTEND listen/c listen/BACKEND",
        ),
        (Filter(proxy_id=4), "listen/FRONTEND listen/c listen/BACKEND"),
        (Filter(kinds=FRONTENDS), "front/FRONTEND listen/FRONTEND"),
        (Filter(kinds=BACKENDS), "back/BACKEND listen/BACKEND"),
        (Filter(kinds=SERVERS, server_id=1), "back/a listen/c"),
        (Filter(kinds=SERVERS | BACKENDS, server_id=2), "back/b back/BACKEND listen/BACKEND"),
        (Filter(3, SERVERS, 2), "back/b"),
        (Filter(kinds=0), ""),
        (Filter(proxy_id=9), ""),
    ],
)
def test_filters(registry: Registry, wanted: Filter, expected: str) -> None:
    assert names(registry, wanted) == expected


def test_every_line_ends_in_a_comma_and_has_every_column(registry: Registry) -> None:
    header, *lines = text(registry, 1.0, Filter()).split("\n")[:-1]
    assert header.startswith("# pxname,svname,")
    assert {line.count(",") for line in lines} == {header.count(",")}
    assert all(line.endswith(",") for line in [header, *lines])


def test_live_sessions_are_settled_first(registry: Registry) -> None:
    session = registry.sessions.open(registry.frontends["front"], registry.backends["back"], 1.0)
    session.bytes_in = 42
    row = next(csv.DictReader(text(registry, 1.0, Filter()).splitlines()))
    assert row["bin"] == "42"


def test_a_name_with_a_comma_is_quoted(registry: Registry) -> None:
    registry.frontends["front"].name = 'a,"b"'
    assert '\n"a,""b""",FRONTEND,' in text(registry, 1.0, Filter())


def test_servers_that_are_not_up_or_in_maintenance_may_be_left_out(registry: Registry) -> None:
    control = Control(registry, lambda: 1.0)
    a, b = registry.backends["back"].servers
    control.set_down(a)
    control.set_maint(b)
    assert names(registry, Filter(proxy_id=3, up=True)) == "back/BACKEND"
    assert names(registry, Filter(proxy_id=3, no_maint=True)) == "back/a back/BACKEND"
    (row,) = csv.DictReader(text(registry, 1.0, Filter(3, BACKENDS, up=True)).splitlines())
    assert row["status"] == "DOWN (0/2)"


def test_legends_are_for_operators(registry: Registry) -> None:
    for legends, shown in ((True, ("127.0.0.1:1", "roundrobin")), (False, ("", ""))):
        rows = list(csv.DictReader(text(registry, 1.0, Filter(3, -1, 1, legends=legends)).splitlines()))
        assert (rows[0]["addr"], rows[1]["algo"]) == shown


def test_typed_and_json(registry: Registry) -> None:
    """That they are HAProxy's is tests/conformance/test_runtime_api.py's business."""
    lines = text(registry, 1.0, Filter(3), form="typed").splitlines()
    assert lines[0] == "S.3.1.0.pxname.1:KNS:str:back"
    assert "B.3.0.19.act.1:MGP:u32:2" in lines
    assert text(registry, 1.0, Filter(3), form="typed", described=True).splitlines()[0] == f'{lines[0]}:"Proxy name"'
    document = json.loads(text(registry, 1.0, Filter(3), form="json"))
    assert [each[0]["objType"] for each in document] == ["Server", "Server", "Backend"]
    assert sum(len(each) for each in document) == len(lines)
