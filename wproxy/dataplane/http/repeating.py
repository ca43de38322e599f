"""The side of an exchange that sends its request once more where a server has failed it (`retry-on`).

Only what was there as a whole when it first went out, and fits into a buffer, can go out again. Nothing of the failed
response has reached the client then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wproxy.config.acl.facts import HttpFacts
from wproxy.config.http.model import Reuse
from wproxy.dataplane.http.answering import Answering
from wproxy.dataplane.http.search import Search
from wproxy.state.server import Server

if TYPE_CHECKING:
    from wproxy.dataplane.http.pool import Pool
    from wproxy.dataplane.http.server import ServerConnection


class Repeating(Answering):
    """What an `Exchange` does to send its request again."""

    __slots__ = ("_early", "_search")

    _early: list[bytes] | None  # what has come of the request's body while there is no server
    _search: Search | None

    def pool_of(self, server: Server) -> Pool:
        """Return the pool of connections to `server` that may serve this request (`search.Seeker`).

        Where the server has been told who the client is, or connections are not shared, it is the client's own.
        """
        client, own = self.client, self.client.pools
        if (own is not None and server in own) or self.route.reuse is Reuse.NEVER or server.line.send_proxy is not None:
            return client.own_pools()[server]
        return self.route.pools[server]

    def found(self, connection: ServerConnection) -> None:
        """Send the request (`search.Seeker`)."""
        raise NotImplementedError

    def known_facts(self) -> HttpFacts:
        """Return `facts` (`search.Seeker`)."""
        return self.facts

    def _remember(self) -> None:
        """Keep the body of a request that is about to go out, or have it ready where it goes out again."""
        if self._again is not None:
            if self._again:
                self._early = [self._again]
        elif (
            self.request_done
            and self.bytes_in <= self.client.site.room
            and (self._facts is None or not self._facts.once_only)
        ):
            self._again = b"".join(self._early) if self._early else b""

    def _sent_again(self, wanted: bool, *, keep: bool = False) -> bool:
        """Tell whether the request goes out again, if that is `wanted`; `keep` the connection for other requests."""
        route = self.route
        if not wanted or self._again is None or self.retries >= route.backend.config.retries:
            return False
        connection = self.connection
        if connection is not None:
            self.connection = self.session.server = None
            if self._server_paused and connection.transport is not None:
                self._server_paused = False
                connection.transport.resume_reading()
            connection.detach(self.active_at, keep=keep)
        self._held = b""
        self.connected_at = None
        key = 0 if route.ties is None else route.ties.key(self)
        self._search = Search(self, self, route, self.client.site.services)
        may_reuse = route.shares and (self.client.served or route.reuse is Reuse.ALWAYS or route.retry_on.empty)
        self._search.again(key, stuck=self.bound is not None, may_reuse=may_reuse, doubtful=not keep)
        return True
