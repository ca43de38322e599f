"""Proxy and server ids: what `show stat` of a running haproxy says, and what the loader gives."""

from __future__ import annotations

import csv
import socket
from pathlib import Path

from tests.support.programs import free_port, haproxy
from tests.support.stats import Stats
from wproxy.config.loader import parse
from wproxy.config.model import Config

TEXT = """\
global
    stats socket {folder}/stats.sock level admin
defaults
    mode tcp
    timeout client 1s
    timeout connect 1s
    timeout server 1s
backend b1
    server s1 127.0.0.1:1
    server s2 127.0.0.1:1
frontend f1
    bind 127.0.0.1:{port}
    default_backend b1
listen l1
    bind 127.0.0.1:{other_port}
    server s1 127.0.0.1:1
frontend b1
    disabled
    bind 127.0.0.1:{port}
backend b2
frontend f2
"""


def statistics(path: Path) -> set[tuple[str, str, int]]:
    """Return name, row and iid of every row that haproxy's `show stat` has."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"show stat\n")
        with client.makefile() as answer:
            return {(row["# pxname"], row["svname"], int(row["iid"])) for row in csv.DictReader(answer)}


def numbered(config: Config) -> set[tuple[str, str, int]]:
    """Return the same of `config`; haproxy does not show disabled proxies."""
    rows = {(proxy.name, "FRONTEND", proxy.proxy_id) for proxy in config.frontends if not proxy.disabled}
    for backend in config.backends:
        rows.add((backend.name, "BACKEND", backend.proxy_id))
        rows |= {(backend.name, server.name, backend.proxy_id) for server in backend.servers}
    return rows


def test_proxies_have_the_ids_that_haproxy_gives_them(tmp_path: Path) -> None:
    port = free_port()
    text = TEXT.format(folder=tmp_path, port=port, other_port=free_port())
    with haproxy(tmp_path, text, port):
        Stats(tmp_path / "stats.sock").wait_until_served()
        assert statistics(tmp_path / "stats.sock") == numbered(parse(text, "case.cfg", {}))
