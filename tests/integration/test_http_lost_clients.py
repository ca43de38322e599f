"""Clients that reset their connection while their request is under way: logged, counted down, forgotten."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.beside_http import REQUEST, scene
from tests.support.syslog import udp_log_server
from tests.support.tcp_server import reset
from tests.support.waiting import wait_for


@pytest.mark.parametrize("line", ["option httplog", 'log-format "%ci %tsc %[src]"'])
def test_a_reset_is_logged_where_no_rule_has_asked_for_the_client(tmp_path: Path, line: str) -> None:
    with (
        udp_log_server() as log,
        scene("wproxy", tmp_path, (f"log {log.target} local0", "option dontlognull", line)) as made,
    ):
        made.answer = b""
        client = socket.create_connection(("127.0.0.1", made.port), 10.0)
        client.sendall(REQUEST)
        wait_for(lambda: made.seen, what="the request at its server")
        reset(client)
        told = log.wait_for("", 1)[0]
    assert " CH--" in told
    assert "127.0.0.1" in told.partition(": ")[2]
