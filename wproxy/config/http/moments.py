"""Log-format variables about the exchange in hand, as far as they are known while its rules act (section 8.2.6).

Times are in milliseconds, -1 while they are not known; those of a whole request are 0, as in HAProxy.
"""

from __future__ import annotations

from collections.abc import Callable

from wproxy.config.acl.facts import ExchangeFacts, HttpFacts

Moment = Callable[[HttpFacts], "str | int | bytes | None"]


def _ms(since: float | None, until: float | None) -> int:
    return -1 if since is None or until is None else int((until - since) * 1000 + 1e-6)


def _of(value: Callable[[ExchangeFacts], str | int], otherwise: str | int) -> Moment:
    """Return what asks the exchange; `otherwise` is the value where there is none, as for clients that say nonsense."""
    return lambda facts: otherwise if facts.exchange is None else value(facts.exchange)


def _request_time(exchange: ExchangeFacts) -> int:
    """Return TR, which is known when all rules of requests are done: when a server is being looked for."""
    return -1 if exchange.assigned_at is None else _ms(exchange.first_byte_at, exchange.request_at)


def _whole_request_time(exchange: ExchangeFacts) -> int:
    request = _request_time(exchange)
    return -1 if request < 0 else _ms(exchange.idle_since, exchange.first_byte_at) + request


def _server_address(exchange: ExchangeFacts) -> str:
    return "" if exchange.server is None else exchange.server.address.host


def _server_port(exchange: ExchangeFacts) -> str:
    return "" if exchange.server is None else str(exchange.server.address.port)


def _backend_connections(facts: HttpFacts) -> int:
    return 0 if facts.backend is None else facts.backend.current


MOMENTS: dict[str, Moment] = {
    "CC": lambda facts: "" if facts.response is None else facts.captured_cookie or "",  # known to no rule of requests
    "CS": lambda facts: facts.captured_set_cookie or "",
    "TR": _of(_request_time, -1),
    "Ta": lambda facts: 0,
    "Tc": _of(lambda exchange: _ms(exchange.assigned_at, exchange.connected_at), -1),
    "Th": lambda facts: 0,
    "Ti": _of(lambda exchange: _ms(exchange.idle_since, exchange.first_byte_at), 0),
    "Tq": _of(_whole_request_time, -1),
    "Tr": _of(lambda exchange: _ms(exchange.connected_at, exchange.responded_at), -1),
    "Tt": lambda facts: 0,
    "Tw": _of(lambda exchange: _ms(exchange.request_at, exchange.assigned_at), -1),
    "bc": _backend_connections,
    "bq": _of(lambda exchange: exchange.backend_queue, 0),
    "fc": lambda facts: facts.frontend.current,
    "lc": lambda facts: 0,
    "pid": lambda facts: facts.process.number,
    "rc": _of(lambda exchange: exchange.retries, 0),
    "ID": lambda facts: facts.unique_id,
    "rt": lambda facts: facts.number,
    "sc": _of(lambda exchange: 0 if exchange.server is None else exchange.server.current, 0),
    "si": _of(_server_address, ""),
    "sp": _of(_server_port, ""),
    "sq": _of(lambda exchange: exchange.server_queue, 0),
    "ts": _of(lambda exchange: exchange.termination or "--", "--"),
    "tsc": _of(lambda exchange: (exchange.termination or "--") + exchange.cookies, "----"),
}
