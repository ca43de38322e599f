"""How clients of one backend stay on their server: its `stick` rules and the tables they use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from wproxy.config.acl.facts import Facts, HttpFacts
from wproxy.config.model import StickRule
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.stick import Entry, Key, LiveTable

Find = Callable[[LiveTable, Key, float], Entry | None]


class Stickiness:
    """Made once per backend that has `stick` rules."""

    __slots__ = ("_backend", "_clock", "_matches", "_of_responses", "_stores")

    def __init__(self, backend: Backend, tables: Mapping[str, LiveTable], clock: Callable[[], float]) -> None:
        rules = [(rule, tables[rule.table]) for rule in backend.config.stick_rules]
        self._backend = backend
        self._clock = clock
        self._matches = [pair for pair in rules if pair[0].matches]
        self._stores = [pair for pair in rules if pair[0].stores and not pair[0].of_response]
        self._of_responses = [pair for pair in rules if pair[0].of_response]

    @property
    def asks_responses(self) -> bool:
        """Whether `store_response` has anything to do."""
        return bool(self._of_responses)

    def server_of(self, facts: Facts, *, force: bool = False) -> Server | None:
        """Return the server that a client was on; None for a new client, and when that server is away.

        As in HAProxy a server without weight or in drain keeps its clients, and `option persist` or, with `force`,
        `force-persist` one that is down.
        """
        return self._named(facts, LiveTable.find, force=force)

    def expected(self, facts: Facts) -> Server | None:
        """Return the same without making use of it: the entry grows no younger."""
        return self._named(facts, LiveTable.look_at)

    def _named(self, facts: Facts, find: Find, *, force: bool = False) -> Server | None:
        for table, key in _keys(self._matches, facts):
            entry = find(table, key, self._clock())
            server = None if entry is None else self._backend.by_name.get(entry.server_name)
            if server is not None and (server.running or self._backend.config.persist or force):
                return server
        return None

    def store(self, facts: Facts, server: Server) -> None:
        """Remember that the client is on `server`, which it has reached; in mode http, which has responded."""
        self._store(self._stores, facts, server)

    def store_response(self, facts: HttpFacts, server: Server) -> None:
        """Remember it by what the response says."""
        self._store(self._of_responses, facts, server)

    def _store(self, rules: list[tuple[StickRule, LiveTable]], facts: Facts, server: Server) -> None:
        """Store what the first rule of each table finds."""
        if server.line.non_stick:
            return
        seen: set[LiveTable] = set()
        for table, key in _keys(rules, facts):
            if table not in seen:
                seen.add(table)
                table.store(key, server.name, server.server_id, self._clock())


def _keys(rules: list[tuple[StickRule, LiveTable]], facts: Facts) -> Iterator[tuple[LiveTable, Key]]:
    """Yield table and key of each rule whose condition holds and whose fetch has something of the table's type."""
    for rule, table in rules:
        if rule.condition is None or rule.condition(facts):
            value = rule.fetch(facts)
            key = None if value is None else table.key(value)
            if key is not None:
                yield table, key
