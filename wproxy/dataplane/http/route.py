"""What an exchange needs on its way to one backend, computed once from frontend and backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from wproxy.config.http.model import Closing, HttpBack, HttpFront, Page, RetryOn, Reuse, Rule
from wproxy.config.model import Backend as BackendConfig
from wproxy.config.model import Frontend as FrontendConfig
from wproxy.dataplane.http.exchange_log import ExchangeLog
from wproxy.dataplane.http.pool import Pool
from wproxy.dataplane.http.ties import Ties
from wproxy.dataplane.idle import Idle, seconds
from wproxy.dataplane.stats_desk import Desk
from wproxy.dataplane.stickiness import Stickiness
from wproxy.policy.balance import request_key
from wproxy.policy.compression import Choice
from wproxy.policy.cookies import Persistence
from wproxy.policy.forwarding import Lines, address_lines
from wproxy.state.backend import Backend
from wproxy.state.frontend import Frontend
from wproxy.state.server import Server

_TURN_AROUND_S = 1.0  # configuration manual, "retries": min("timeout connect", one second)


class Pools(dict[Server, Pool]):
    """The pool of each server of one backend, made when it is first asked for: servers may come at runtime."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def __missing__(self, server: Server) -> Pool:
        pool = self[server] = Pool(server, self._clock)
        return pool

    def drop(self, server: Server) -> None:
        """Close the idle connections of a server that is gone, down, or somewhere else now."""
        pool = self.pop(server, None)
        if pool is not None:
            pool.close()

    def purge(self) -> None:
        """Close connections that have not been needed for a while."""
        for pool in self.values():
            pool.purge()

    def close(self) -> None:
        """Close all idle connections."""
        for pool in self.values():
            pool.close()


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """From a frontend to one of its backends. Times in seconds, infinity for "no timeout"."""

    frontend: Frontend
    backend: Backend
    pools: Pools
    idle: Idle  # of tunnels
    client_s: float
    server_s: float
    connect_s: float
    queue_s: float
    turn_around_s: float
    closing: Closing
    reuse: Reuse
    shares: bool  # whether connections to servers are kept for other requests
    content_rules: tuple[Rule, ...]
    request_rules: tuple[Rule, ...]
    response_rules: tuple[Rule, ...]
    after_rules: tuple[Rule, ...]
    pages: Mapping[int, Page]  # in the place of the proxy's own error pages
    abort_on_close: bool
    tarpit_s: float
    buffers: bool  # bodies are waited for, where the frontend has not done it, for `buffer_s`
    buffer_s: float
    prefers_last: bool
    repeats: bool  # a request that a server has failed may go out again
    retry_on: RetryOn
    pretends: bool  # servers are not told that their connection will be closed
    log: ExchangeLog | None = None
    ties: Ties | None = None
    address_lines: Lines | None = None
    compression: Choice | None = None
    name_field: bytes | None = None
    desk: Desk | None = None  # of the backend's statistics page

    @classmethod
    def of(
        cls,
        frontend: Frontend,
        backend: Backend,
        pools: Pools,
        log: ExchangeLog | None = None,
        stickiness: Stickiness | None = None,
        persistence: Persistence[Server] | None = None,
        desk: Desk | None = None,
    ) -> HttpRoute:
        """Compute the route; `log` is that of the frontend, stickiness and persistence are those of the backend."""
        front, back = front_of(frontend.config), back_of(backend.config)
        timeouts = backend.config.timeouts
        own = frontend.proxy_id == backend.proxy_id
        connect_s = seconds(timeouts.connect_s)
        closing = max(front.closing, back.closing, key=list(Closing).index)
        return cls(
            frontend,
            backend,
            pools,
            idle=Idle.of(frontend.config.timeouts, timeouts),
            client_s=seconds(frontend.config.timeouts.client_s),
            server_s=seconds(timeouts.server_s),
            connect_s=connect_s,
            queue_s=seconds(timeouts.queue_s or timeouts.connect_s),
            turn_around_s=min(connect_s, _TURN_AROUND_S),
            closing=closing,
            reuse=back.reuse,
            shares=closing is Closing.KEEP_ALIVE,
            # The rules of a `listen` section are those of both; they act once, as the frontend's.
            content_rules=() if own else back.content_rules,
            request_rules=() if own else back.request_rules,
            response_rules=front.response_rules if own else back.response_rules + front.response_rules,
            after_rules=front.after_rules if own else back.after_rules + front.after_rules,
            pages={**front.pages, **back.pages},
            abort_on_close=back.abort_on_close,
            tarpit_s=back.tarpit_s or 0.0,
            buffers=back.buffer_request and not front.buffer_request,
            buffer_s=seconds(back.request_s),
            prefers_last=back.prefer_last,
            repeats=back.retry_on.repeats,
            retry_on=back.retry_on,
            pretends=back.pretend_keep_alive,
            log=log,
            ties=_ties(backend.config, stickiness, persistence),
            address_lines=address_lines(
                (front.forwarded_for, back.forwarded_for), (front.original_to, back.original_to)
            ),
            compression=Choice.of(front.compression, back.compression),
            name_field=back.name_field,
            desk=desk,
        )


def _ties(config: BackendConfig, stickiness: Stickiness | None, persistence: Persistence[Server] | None) -> Ties | None:
    """Return what binds requests to servers, None where nothing does."""
    key = request_key(config.balance, config.hashed, config.hash_type.function)
    if stickiness is None and persistence is None and key is None:
        return None
    return Ties(persistence, stickiness, config.persist_rules, key)


def front_of(config: FrontendConfig) -> HttpFront:
    """Return what a frontend says about mode http."""
    return config.http or HttpFront()


def back_of(config: BackendConfig) -> HttpBack:
    """Return what a backend says about mode http."""
    return config.http or HttpBack()
