"""What the servers of one backend have told of their commands, one table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import hiredis

from wproxy.policy.redis.builtin import NEWER_ROWS, ROWS
from wproxy.policy.redis.commands import Command, parse_rows
from wproxy.policy.redis.knowledge import learn, merged
from wproxy.state.server import Server

_ANSWER_MAX = 4 * 1024 * 1024  # Redis 7.0 answers with 90 kB

BUILTIN: Mapping[bytes, Command] = parse_rows(ROWS + NEWER_ROWS)


class Knowledge:
    """Keeps each server's last answer; `changed` is called with the new table when it differs from the one in use."""

    __slots__ = ("_changed", "_table", "_told")

    def __init__(self, changed: Callable[[Mapping[bytes, Command]], None]) -> None:
        self._changed = changed
        self._told: dict[Server, dict[bytes, Command]] = {}
        self._table: Mapping[bytes, Command] = BUILTIN

    def told(self, server: Server, reply: bytes) -> None:
        """Take the answer to COMMAND; an error, or what is no table, changes nothing."""
        if not reply.startswith(b"*") or len(reply) > _ANSWER_MAX:
            return
        reader = hiredis.Reader()
        reader.feed(reply)
        try:
            table = learn(reader.gets())
        except hiredis.ProtocolError:
            return
        if table and table != self._told.get(server):
            self._told[server] = table
            self._renew()

    def forget(self, server: Server) -> None:
        """Forget what a server has told that is gone."""
        if self._told.pop(server, None) is not None:
            self._renew()

    def _renew(self) -> None:
        by_order = sorted(self._told, key=lambda server: server.server_id)
        table = merged(BUILTIN, [self._told[server] for server in by_order])
        if table != self._table:
            self._table = table
            self._changed(table)
