from __future__ import annotations

from typing import Any

import pytest

from tests.unit.wproxy.config.acl.asking import facts
from tests.unit.wproxy.state.parties import backend, line
from wproxy.config.acl.facts import Kind
from wproxy.config.acl.fetches import FETCHES, make

TYPES = {Kind.BOOLEAN: bool, Kind.INTEGER: int, Kind.ADDRESS: bytes, Kind.STRING: str}


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("always_true", [], True),
        ("always_false", [], False),
        ("avg_queue", ["back"], 0),
        ("be_conn", ["back"], 0),
        ("be_conn", ["off"], 0),
        ("be_conn_free", ["back"], 6),
        ("be_id", [], 2),
        ("be_name", [], "front"),
        ("bool", [True], True),
        ("connslots", ["back"], -1),
        ("date", [60, 1_000_000], 1_700_000_060),
        ("dst", [], b"\x7f\0\0\1"),
        ("dst_is_local", [], True),
        ("dst_port", [], 80),
        ("env", ["/root"], "/root"),
        ("env", [""], None),
        ("fc_rcvd_proxy", [], False),
        ("fe_conn", ["front"], 0),
        ("fe_conn", ["off"], 0),
        ("fe_defbe", [], "back"),
        ("hostname", [], "here"),
        ("int", [3], 3),
        ("ipv4", [b"1234"], b"1234"),
        ("nbsrv", ["back"], 2),
        ("queue", ["back"], 0),
        ("rand", [10], 9),
        ("rand", [0], 2**32 - 1),
        ("so_id", [], 1),
        ("src", [], b"\x0a\1\2\3"),
        ("src_is_local", [], False),
        ("src_port", [], 4000),
        ("srv_conn", [("back", "a")], 0),
        ("srv_conn_free", [("back", "a")], 5),
        ("srv_is_up", [("back", "a")], True),
        ("srv_is_up", [("off", "x")], None),
        ("srv_uweight", [("back", "b")], 7),
        ("srv_weight", [("back", "b")], 7),
        ("str", ["x"], "x"),
    ],
)
def test_values(name: str, arguments: list[Any], expected: object) -> None:
    value = make(FETCHES[name], arguments)(facts())
    assert value == expected
    assert value is None or type(value) is TYPES[FETCHES[name].kind]


class Tls:
    """What a connection tells of its TLS."""

    sni = "a.example"
    session_reused: bool | None = False

    def version(self) -> str:
        return "TLSv1.3"

    def cipher(self) -> tuple[str, str, int]:
        return "TLS_AES_256_GCM_SHA384", "TLSv1.3", 256

    def selected_alpn_protocol(self) -> str:
        return "http/1.1"

    def getpeercert(self, binary_form: bool) -> bytes:
        return b"certificate"


@pytest.mark.parametrize(
    ("name", "without", "expected"),
    [
        ("ssl_c_used", False, True),
        ("ssl_c_verify", None, 0),
        ("ssl_fc", False, True),
        ("ssl_fc_alpn", None, "http/1.1"),
        ("ssl_fc_cipher", None, "TLS_AES_256_GCM_SHA384"),
        ("ssl_fc_has_crt", False, True),
        ("ssl_fc_has_sni", False, True),
        ("ssl_fc_is_resumed", False, False),
        ("ssl_fc_protocol", None, "TLSv1.3"),
        ("ssl_fc_sni", None, "a.example"),
    ],
)
def test_tls(name: str, without: object, expected: object) -> None:
    fetch, asked = make(FETCHES[name], []), facts()
    assert fetch(asked) == without
    asked.tls = Tls()
    assert fetch(asked) == expected


def test_unix_sockets_have_no_addresses() -> None:
    names = ("src", "dst", "src_port", "dst_port", "src_is_local", "dst_is_local")
    assert [make(FETCHES[name], [])(facts(None, None)) for name in names] == [None] * len(names)


def test_the_average_queue_is_rounded_up() -> None:
    average = make(FETCHES["avg_queue"], ["back"])
    made = facts()
    backend = made.process.backends["back"]
    backend.queue.update(dict.fromkeys(range(5)))  # type: ignore[attr-defined] # the live object's own dict
    assert average(made) == 3
    for server in backend.servers:
        server.weight = 0
    waiting = dict(backend.queue)  # type: ignore[call-overload] # the same
    backend.queue.clear()  # type: ignore[attr-defined] # they are no waiters that a new choice could serve
    backend.rebuild()  # type: ignore[attr-defined] # the same
    backend.queue.update(waiting)  # type: ignore[attr-defined] # the same
    assert average(made) == 10
    assert make(FETCHES["connslots"], ["back"])(made) == 0


def test_one_server_without_limit_makes_the_room_unknown() -> None:
    made = facts()
    made.process.backends["back"].servers[0].maxconn = None  # type: ignore[misc] # the live object's own field
    assert make(FETCHES["be_conn_free"], ["back"])(made) == -1
    assert make(FETCHES["srv_conn_free"], [("back", "a")])(made) == -1


def test_dates_in_smaller_units() -> None:
    assert make(FETCHES["date"], [1, 1_000])(facts()) == 1_700_000_000_124
    assert make(FETCHES["date_us"], [])(facts()) == 123_456


def test_servers_that_get_no_sessions_have_no_room() -> None:
    made = facts()
    made.process.backends = {  # type: ignore[misc] # of the made-up process
        "back": backend(line("a", 3, maxconn=5), line("b", 0, maxconn=7), line("c", 1, maxconn=9, disabled=True))
    }
    assert make(FETCHES["be_conn_free"], ["back"])(made) == 5
