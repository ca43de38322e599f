"""Keeps what broke HTTP, for `show errors`: the last request of each frontend and the last response of each backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wproxy.dataplane.ends import peer_of
from wproxy.protocols.http1.faults import position
from wproxy.state.captures import LIMIT, NOBODY, Capture, Excerpt, Named, Side
from wproxy.state.session import UNKNOWN_ADDRESS

if TYPE_CHECKING:
    from wproxy.dataplane.http.client import ClientConnection
    from wproxy.dataplane.http.server_side import ServerSide


def request(client: ClientConnection, data: bytes, reason: str) -> None:
    """Keep what a client said; `data` begins with the head that is none."""
    frontend = client.site.frontend
    _keep(client, Side.REQUEST, Named(frontend.name, frontend.proxy_id), NOBODY, NOBODY, data, reason, None)


def request_body(exchange: ServerSide, data: bytes, reason: str, at: int) -> None:
    """Keep the part of a request's body that is wrong `at` there."""
    frontend, backend = exchange.client.site.frontend, exchange.backend
    chosen = Named(backend.name, backend.proxy_id) if exchange.routed else NOBODY
    whose = Named(frontend.name, frontend.proxy_id)
    _keep(exchange.client, Side.REQUEST, whose, chosen, NOBODY, data, reason, at)


def response(exchange: ServerSide, data: bytes, reason: str, at: int | None = None) -> None:
    """Keep what a server said: a head, or the part of a body that is wrong `at` there."""
    client, backend, server = exchange.client, exchange.backend, exchange.server
    frontend = client.site.frontend
    _keep(
        client,
        Side.RESPONSE,
        Named(frontend.name, frontend.proxy_id),
        Named(backend.name, backend.proxy_id),
        NOBODY if server is None else Named(server.name, server.server_id),
        data,
        reason,
        at,
    )


def _keep(
    client: ClientConnection,
    side: Side,
    frontend: Named,
    backend: Named,
    server: Named,
    data: bytes,
    reason: str,
    at: int | None,
) -> None:
    services = client.site.services
    begin = 0 if at is None or at < LIMIT else at  # of the part that is kept
    part = data[begin : begin + LIMIT]
    excerpt = Excerpt(part, position(part) if at is None else at - begin)
    source = _source(client)
    facts = (f"HTTP/1: {reason}",)
    services.captures.keep(Capture(side, services.clock(), frontend, backend, server, source, excerpt, facts))


def _source(client: ClientConnection) -> tuple[str, int] | None:
    if client.session.source != UNKNOWN_ADDRESS:
        return client.session.source
    return None if client.transport is None else peer_of(client.transport)
