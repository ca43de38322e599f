"""The parts of mode http without a socket: a backend of a configuration's lines, heads and facts of bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

from tests.support.proxies import configuration
from wproxy.config import model
from wproxy.config.acl.facts import FrontendFacts, HttpFacts, Process, RequestFacts
from wproxy.config.loader import parse
from wproxy.policy.balance import request_key
from wproxy.protocols.http1.heads import HeadParser, RequestHead, ResponseHead
from wproxy.state.backend import Backend

_PARSER = HeadParser(15360)


def parsed(lines: Sequence[str], rest: str = "") -> model.Config:
    """Return the configuration whose section `main`, in mode http, consists of `lines`."""
    return parse(configuration("wproxy", Path("/run"), 8080, *lines, mode="http", rest=rest), "t.cfg", {})


def backend_of(lines: Sequence[str]) -> tuple[Backend, Callable[[HttpFacts], int]]:
    """Return a live backend of `lines`, and what gives the key of a request."""
    config = parsed(lines).backends[0]
    key = request_key(config.balance, config.hashed, config.hash_type.function)
    return Backend(config, 0.0), key or (lambda facts: 0)


def request_of(data: bytes) -> RequestHead:
    head = _PARSER.request(data)
    assert isinstance(head, RequestHead), head
    return head


def response_of(data: bytes) -> ResponseHead:
    head = _PARSER.response(data)
    assert isinstance(head, ResponseHead), head
    return head


def facts_of(request: bytes, source: bytes = b"\x7f\x00\x00\x01") -> HttpFacts:
    """Return what may be asked about a request of a client at `source`."""
    return HttpFacts(
        cast("Process", None),
        cast("FrontendFacts", None),
        "main",
        1,
        source=source,
        request=cast("RequestFacts", request_of(request)),
    )
