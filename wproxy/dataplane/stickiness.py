"""How clients of one backend get to their own server: its `use-server` rules, its `stick` rules and their tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from wproxy.config.acl.facts import Facts, HttpFacts
from wproxy.config.http.cookie import PersistRule
from wproxy.config.model import StickRule
from wproxy.state.backend import Backend
from wproxy.state.server import Server
from wproxy.state.stick import Entry, Key, LiveTable

Find = Callable[[LiveTable, Key, float], Entry | None]


class Stickiness:
    """Made once per backend that has such rules; the `use-server` rules come first."""

    __slots__ = ("_backend", "_clock", "_matches", "_of_responses", "_servers", "_stores")

    def __init__(self, backend: Backend, tables: Mapping[str, LiveTable], clock: Callable[[], float]) -> None:
        rules = [(rule, tables[rule.table]) for rule in backend.config.stick_rules]
        self._backend = backend
        self._clock = clock
        self._servers = backend.config.server_rules
        self._matches = [pair for pair in rules if pair[0].matches]
        self._stores = [pair for pair in rules if pair[0].stores and not pair[0].of_response]
        self._of_responses = [pair for pair in rules if pair[0].of_response]

    @classmethod
    def of(cls, backend: Backend, tables: Mapping[str, LiveTable], clock: Callable[[], float]) -> Stickiness | None:
        """Return that of `backend`, None where no rule says anything."""
        return cls(backend, tables, clock) if backend.config.stick_rules or backend.config.server_rules else None

    @property
    def asks_responses(self) -> bool:
        """Whether `store_response` has anything to do."""
        return bool(self._of_responses)

    def bound_to(self, facts: Facts) -> Server | None:
        """Return the server of a client of mode tcp; None for any."""
        force = self._forced(facts)
        return self.ruled(facts, force=force) or self.server_of(facts, force=force)

    def ruled(self, facts: Facts, *, force: bool = False) -> Server | None:
        """Return the server that the first `use-server` rule names, of those that hold and whose server is there.

        As in HAProxy "there" does not depend on weight and drain, and `option persist` or, with `force`,
        `force-persist` leads to one that is down.
        """
        for rule in self._servers:
            if rule.condition(facts):
                name = rule.server if rule.compute is None else rule.compute(facts)
                server = self._backend.by_name.get(name)
                if server is None:
                    return None
                if server.running or self._backend.config.persist or force:
                    return server
        return None

    def _forced(self, facts: Facts) -> bool:
        rule = first_holding(self._backend.config.persist_rules, facts)
        return rule is not None and rule.forces

    def server_of(self, facts: Facts, *, force: bool = False) -> Server | None:
        """Return the server that a client was on; None for a new client, and when that server is away.

        As in HAProxy a server without weight or in drain keeps its clients, and `option persist` or, with `force`,
        `force-persist` one that is down.
        """
        return self._named(facts, LiveTable.find, force=force)

    def expected(self, facts: Facts) -> Server | None:
        """Return what `bound_to` does, without making use of it: the entry grows no younger."""
        force = self._forced(facts)
        return self.ruled(facts, force=force) or self._named(facts, LiveTable.look_at, force=force)

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


def first_holding(rules: Sequence[PersistRule], facts: Facts) -> PersistRule | None:
    """Return the `force-persist` or `ignore-persist` rule that decides, None when there is none."""
    for rule in rules:
        if rule.condition(facts):
            return rule
    return None


def _keys(rules: list[tuple[StickRule, LiveTable]], facts: Facts) -> Iterator[tuple[LiveTable, Key]]:
    """Yield table and key of each rule whose condition holds and whose fetch has something of the table's type."""
    for rule, table in rules:
        if rule.condition is None or rule.condition(facts):
            value = rule.fetch(facts)
            key = None if value is None else table.key(value)
            if key is not None:
                yield table, key
